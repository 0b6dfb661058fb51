"""`python -m benchmarks`.

Every figure with its floor and their ratio, measured side by side in one run.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys

from benchmarks.figures import Figure, print_table

MODULES = (
    "posting_batch",
    "graphql_posting",
    "reads",
    "importing",
    "statement_pdf",
    "statement_run",
    "graphql_page",
)


def main(asked: list[str]) -> int:
    """Run the modules asked for, or all; a table at the end."""
    unknown = sorted(set(asked) - set(MODULES))
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(MODULES)}.")
        return 2
    figures: list[Figure] = []
    for name in asked or MODULES:
        print(f"… {name}", file=sys.stderr, flush=True)
        measured = importlib.import_module(f"benchmarks.{name}").measure()
        figures += asyncio.run(measured) if inspect.iscoroutine(measured) else measured
    print_table(figures)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
