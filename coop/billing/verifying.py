"""What `coop verify` checks of billing: numbers, sums, postings and what each invoice holds."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.queries.bank_checks import BANK_CHECKS
from coop.billing.queries.checks import CHECKS
from coop.billing.queries.commitment_checks import COMMITMENT_CHECKS
from coop.billing.replaying import verify_settlements
from coop.ledger.domain.verify import Finding
from coop.ledger.verification import FINDINGS_MAX, Progress, Verification

_COUNTED = f"SELECT f.*, count(*) OVER () AS findings FROM ({{}}) AS f LIMIT {FINDINGS_MAX}"  # noqa: S608


async def verify_bills(
    connection: AsyncConnection, found: Verification, progress: Progress = lambda *_: None
) -> None:
    """Add to `found` what billing's tables contradict in the books or in each other.

    Numbers without a gap; sums of lines and taxes; each document's gross on 1200, its tax on 2200
    and its net on 1205; each line the sum of what it gathers; each charge whole on one invoice;
    1205 the sum of what no invoice holds; nothing settled beyond its gross. Payments, lines of the
    bank and collections likewise. Commitments too, and each of their settlements computed again.
    """
    checks = CHECKS | BANK_CHECKS | COMMITMENT_CHECKS
    for done, (code, statement) in enumerate(checks.items(), 1):
        rows = (await connection.execute(text(_COUNTED.format(statement)))).all()
        found.count += rows[0].findings if rows else 0
        room = max(FINDINGS_MAX - len(found.findings), 0)
        found.findings += [Finding(code, row.at, row.expected, row.found) for row in rows[:room]]
        progress("bills", done, len(checks))
    await verify_settlements(connection, found, progress)
