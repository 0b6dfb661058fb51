"""Writes coop/schema/schema.graphql anew: `python -m coop.schema.print`, or `make schema`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from coop.schema.root import printed_schema

SCHEMA_FILE: Final = Path(__file__).with_name("schema.graphql")

if __name__ == "__main__":
    SCHEMA_FILE.write_text(printed_schema())
