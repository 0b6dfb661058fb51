"""Settlements computed again from the inputs they keep: the same inputs, the same result."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.settlement import (
    Credit,
    MonthFacts,
    Settlement,
    State,
    difference,
    settle,
    total,
)
from coop.billing.queries.commitments import Commitment, all_commitments
from coop.billing.queries.settlements import (
    StoredMovement,
    StoredSettlement,
    movements_of,
    settlements_of,
)
from coop.ledger.domain.canonical import json_bytes
from coop.ledger.domain.verify import Finding
from coop.ledger.verification import FINDINGS_MAX, Progress, Verification

_AT_ONCE = 200


async def verify_settlements(
    connection: AsyncConnection, found: Verification, progress: Progress = lambda *_: None
) -> None:
    """Add to `found` settlements that do not follow from their inputs, or whose inputs changed."""
    commitments = await all_commitments(connection)
    for start in range(0, len(commitments), _AT_ONCE):
        part = commitments[start : start + _AT_ONCE]
        ids = [one.id for one in part]
        stored, moved = await settlements_of(connection, ids), await movements_of(connection, ids)
        for one in part:
            for finding in findings_of(one, stored.get(one.id, []), moved.get(one.id, [])):
                found.count += 1
                if len(found.findings) < FINDINGS_MAX:
                    found.findings.append(finding)
        progress("settlements", min(start + _AT_ONCE, len(commitments)), len(commitments))


def findings_of(
    commitment: Commitment, stored: Sequence[StoredSettlement], moved: Sequence[StoredMovement]
) -> list[Finding]:
    """What contradicts itself in the settlements of one commitment, in their order."""
    found: list[Finding] = []
    standing: dict[date, list[Settlement]] = {}
    for line in moved:
        if line.settlement_id is None:  # let go by an amendment, before its month was settled
            of_terms = Settlement(line.movement.month, movements=(line.movement,))
            standing.setdefault(of_terms.month, []).append(of_terms)
    for one in stored:
        where = f"commitment {commitment.id} settlement {one.number}"
        digest = hashlib.sha256(json_bytes(one.inputs)).hexdigest()
        if digest != bytes(one.inputs_sha256).hex():
            kept = bytes(one.inputs_sha256).hex()
            found.append(Finding("SETTLEMENT_INPUTS", where, digest, kept))
        standing.setdefault(one.month, []).append(one.settlement)
        stands = total(one.month, standing[one.month])
        follows = replayed(commitment, one)
        if not difference(follows, stands).is_nothing:
            found.append(Finding("SETTLEMENT_RESULT", where, str(follows), str(stands)))
    return found


def replayed(commitment: Commitment, one: StoredSettlement) -> Settlement:
    """What stands of the month after this settlement, by its inputs alone."""
    inputs: dict[str, Any] = one.inputs
    credits_ = tuple(
        Credit(
            date.fromisoformat(line["issued_on"]), date.fromisoformat(line["expires_on"]),
            line["issued_wh"], line["issued_minor"], line["open_wh"], line["open_minor"],
        )
        for line in inputs["credits"]
    )  # fmt: skip
    terms = commitment.versions[inputs["terms_version"] - 1].terms
    facts = MonthFacts(one.month, sum(inputs["metered_wh"].values()), Fraction(inputs["down"]))
    return settle(terms, State(inputs["banked_wh"], credits_), facts, inputs["scale"])[0]
