"""`python -m benchmarks`: every figure beside its floor, both measured in one run.

A benchmark that fails is named and the others go on; the exit code then says so.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
import traceback

from benchmarks.figures import Figure, print_table

MODULES = (
    "posting_batch",
    "posting_queue",
    "graphql_posting",
    "graphql_page",
    "reads",
    "importing",
    "pricing",
    "billing_run",
    "cost_sharing",
    "statement_pdf",
    "invoice_pdf",
    "statement_run",
)


def main(asked: list[str]) -> int:
    """Run the modules asked for, or all; a table at the end."""
    unknown = sorted(set(asked) - set(MODULES))
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}; there are {', '.join(MODULES)}.")
        return 2
    figures: list[Figure] = []
    failed: list[str] = []
    for name in asked or MODULES:
        print(f"… {name}", file=sys.stderr, flush=True)
        try:
            figures += _figures_of(name)
        except Exception:  # noqa: BLE001 - one that fails does not take the others with it
            traceback.print_exc()
            failed.append(name)
    print_table(figures)
    if failed:
        print(f"Failed: {', '.join(failed)}.")
    return 1 if failed else 0


def _figures_of(name: str) -> list[Figure]:
    measured = importlib.import_module(f"benchmarks.{name}").measure()
    found: list[Figure] = asyncio.run(measured) if inspect.iscoroutine(measured) else measured
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
