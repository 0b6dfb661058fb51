"""Write coop/schema/schema.graphql anew, and refuse to take a name away that clients may rely on.

    python -m tools.schema_file                    exit 1, unwritten, if it would break clients
    python -m tools.schema_file --allow-breaking   write it anyway: a decision for docs/adr/

Clients are those of the file as it stands, not of the commit before.
"""

from __future__ import annotations

import sys
from pathlib import Path

from graphql import build_schema, find_breaking_changes

from coop.schema.root import printed_schema

FILE = Path(__file__).resolve().parents[1] / "coop" / "schema" / "schema.graphql"


def main(arguments: list[str]) -> int:
    """The exit code."""
    new = printed_schema()
    if FILE.exists() and "--allow-breaking" not in arguments:
        changes = find_breaking_changes(build_schema(FILE.read_text()), build_schema(new))
        for change in changes:
            sys.stderr.write(f"{change.type.name}: {change.description}\n")
        if changes:
            return 1
    FILE.write_text(new)
    sys.stdout.write(f"{FILE.name}: {len(new.splitlines())} lines.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
