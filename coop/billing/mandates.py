"""Mandates: registering what members signed, and ending it."""

from __future__ import annotations

from datetime import date

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing.domain.mandate import FIRST, RECURRING, Mandate, MandateDraft
from coop.billing.errors import MandateEnded, MandateTaken
from coop.billing.queries import collecting as queries
from coop.billing.tables import mandate
from coop.db.refusals import register
from coop.kernel.clock import utc_now
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId, uuid7
from coop.members import queries as member_queries
from coop.members.domain.policy import Action, absent, require
from coop.members.domain.roles import Viewer

register(
    "uq_mandate_cooperative_id_reference", MandateTaken, "Another mandate goes by that reference."
)


async def register_mandate(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    draft: MandateDraft,
    *,
    used: bool = False,
) -> Mandate:
    """Keep a mandate. `used`: something was collected with it before it came here.

    The same mandate again is answered as it stands. Refuses FORBIDDEN, NOT_FOUND, INVALID_VALUE
    for one signed in the future, MANDATE_TAKEN.
    """
    require(viewer, Action.BANK_MANAGE, cooperative_id)
    if draft.signed_on > viewer.today(cooperative_id):
        raise InvalidValue("A mandate is signed by now.", ("signedOn",))
    if not await member_queries.members_by_ids(connection, cooperative_id, [draft.member_id]):
        raise absent()
    there = await queries.mandate_by_reference(connection, draft.reference)
    if there is not None:
        same = all(getattr(there, name) == getattr(draft, name) for name in draft.__slots__)
        if not same or there.revoked_on is not None:
            raise MandateTaken("Another mandate goes by that reference.", ("reference",))
        return there
    made = Mandate(
        uuid7(), draft.member_id, draft.reference, draft.signed_on, draft.scheme, draft.iban,
        draft.bic, draft.holder, RECURRING if used else FIRST, None,
    )  # fmt: skip
    row = {name: getattr(made, name) for name in Mandate.__slots__}
    await connection.execute(
        insert(mandate),
        {
            **row, "cooperative_id": cooperative_id, "registered_by": viewer.subject,
            "registered_at": utc_now(),
        },
    )  # fmt: skip
    return made


async def revoke_mandate(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    reference: str,
    revoked_on: date,
) -> Mandate:
    """Let a mandate hold no longer from `revoked_on` on.

    Refuses FORBIDDEN, NOT_FOUND, MANDATE_REVOKED, INVALID_VALUE for a day before it was signed.
    """
    require(viewer, Action.BANK_MANAGE, cooperative_id)
    found = await queries.mandate_by_reference(connection, reference)
    if found is None:
        raise absent()
    if found.revoked_on is not None:
        raise MandateEnded(f"It was revoked on {found.revoked_on}.", ("reference",))
    if revoked_on < found.signed_on:
        raise InvalidValue(f"It was signed on {found.signed_on}.", ("revokedOn",))
    await connection.execute(
        update(mandate)
        .where(mandate.c.id == found.id)
        .values(revoked_on=revoked_on, revoked_by=viewer.subject)
    )
    return (await queries.mandates_by_ids(connection, [found.id]))[found.id]
