"""The schema that is committed is the schema that is served."""

from __future__ import annotations

from coop.schema.root import printed_schema
from tools.schema_file import FILE


def test_the_committed_schema_is_the_one_that_is_served() -> None:
    assert FILE.exists(), "Run `make schema` and commit coop/schema/schema.graphql."
    fresh = FILE.read_text() == printed_schema()
    assert fresh, "Run `make schema`, read what changed, and commit coop/schema/schema.graphql."
