"""Tariffs as versions: a version once set stays, the next follows it from an instant on.

A session is charged by the version in force when it started, for its whole length: of those for
(its hub and the member's class, its hub, the class, everybody) the first that has begun, and of
that the latest. A wrong version is corrected by one from the same instant that takes its place.
Sessions that are stored keep what they were charged until they are rated anew (rating.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging import queries
from coop.charging.domain.tariff import (
    Tariff,
    Tax,
    canonical_tariff,
    flat_tariff_document,
    tariff_of,
)
from coop.charging.domain.tariff_checks import require_complete
from coop.charging.domain.tariff_text import tariff_name
from coop.charging.domain.versions import TariffVersion, sha256_of
from coop.charging.errors import TariffTaken
from coop.charging.tables import tariff_version
from coop.db.refusals import register
from coop.kernel.clock import utc_now
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import CooperativeId, HubId, uuid7
from coop.members import queries as member_queries
from coop.members.domain.classes import NO_CLASS, class_named
from coop.members.domain.policy import Action, absent, require
from coop.members.domain.roles import Viewer

PRICE_MAX = Decimal(1_000_000)
NAME_MAX = 200
RESOLUTION_MAX = 200
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")

for _constraint in ("uq_tariff_version_from_at", "uq_tariff_version_version"):
    register(_constraint, TariffTaken, "Another tariff counts from that instant on.")
register("uq_tariff_version_corrects", TariffTaken, "It was corrected already.")


@dataclass(frozen=True, slots=True)
class TariffDraft:
    """A tariff to be set: an OCPI document (numbers as Decimals), where, for whom, from when.

    No hub: every hub. An empty class: every class. `corrects`: it takes the place of the version
    that counts from the very same instant.
    """

    document: object
    from_at: datetime
    hub_id: HubId | None = None
    member_class: str = NO_CLASS
    name: str | None = None
    resolution: str | None = None
    corrects: bool = False


@dataclass(frozen=True, slots=True)
class PriceDraft:
    """A price per kWh to be set, exact, in whole currency."""

    hub_id: HubId
    from_at: datetime
    per_kwh: Decimal


async def set_tariff(
    connection: AsyncConnection, viewer: Viewer, cooperative_id: CooperativeId, draft: TariffDraft
) -> TariffVersion:
    """Let sessions that start at or after an instant be charged by a tariff.

    The instant may have passed: sessions that are stored keep what they were charged. Refuses
    TARIFF_*, TARIFF_TAKEN, INVALID_VALUE, FORBIDDEN, NOT_FOUND.
    """
    hub_ids = [] if draft.hub_id is None else [draft.hub_id]
    if len(await queries.hubs_by_ids(connection, hub_ids)) < len(hub_ids):
        raise absent()
    (made,) = await set_tariffs(connection, viewer, cooperative_id, [draft])
    return made


async def set_flat_price(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    hub_id: HubId,
    per_kwh: Decimal,
    from_at: datetime,
    *,
    taxes: Sequence[Tax] = (),
) -> TariffVersion:
    """Let sessions at a hub that start at or after `from_at` cost `per_kwh` in whole currency.

    The simplest tariff there is. Refuses as `set_tariff` does.
    """
    if hub_id not in await queries.hubs_by_ids(connection, [hub_id]):
        raise absent()
    draft = PriceDraft(hub_id, from_at, per_kwh)
    (made,) = await set_flat_prices(connection, viewer, cooperative_id, [draft], taxes=taxes)
    return made


async def set_flat_prices(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    drafts: Sequence[PriceDraft],
    *,
    taxes: Sequence[Tax] = (),
) -> list[TariffVersion]:
    """Set prices of hubs that are there, in the cooperative's currency."""
    require(viewer, Action.PRICE_SET, cooperative_id)
    cooperative = await member_queries.cooperative_by_id(connection, cooperative_id)
    if cooperative is None:
        raise absent()
    for draft in drafts:
        if not draft.per_kwh.is_finite() or not 0 <= draft.per_kwh < PRICE_MAX:
            raise InvalidValue("A price is not negative and below a million.", ("perKwh",))
    documents = [
        flat_tariff_document(str(uuid7()), cooperative.currency, draft.per_kwh, taxes)
        for draft in drafts
    ]
    wanted = [
        TariffDraft(document, draft.from_at, draft.hub_id)
        for document, draft in zip(documents, drafts, strict=True)
    ]
    return await set_tariffs(connection, viewer, cooperative_id, wanted)


async def set_tariffs(
    connection: AsyncConnection,
    viewer: Viewer,
    cooperative_id: CooperativeId,
    drafts: Sequence[TariffDraft],
) -> list[TariffVersion]:
    """Set tariffs of hubs that are there; all of them or none. Refuses as `set_tariff` does."""
    require(viewer, Action.PRICE_SET, cooperative_id)
    cooperative = await member_queries.cooperative_by_id(connection, cooperative_id)
    if cooperative is None:
        raise absent()
    await connection.execute(_LOCK, {"name": f"charging.tariffs:{cooperative_id}"})
    known: dict[object, list[TariffVersion]] = {}
    for one in await queries.tariff_versions(connection):
        known.setdefault(one.scope, []).append(one)
    made = []
    for draft in drafts:
        version = _version(viewer, cooperative_id, cooperative.currency, draft)
        scope = known.setdefault(version.scope, [])
        made.append(_following(version, scope, corrects=draft.corrects))
        scope.append(made[-1])
    if made:
        await connection.execute(insert(tariff_version), [_row(one) for one in made])
    return made


def _version(
    viewer: Viewer, cooperative_id: CooperativeId, currency: str, draft: TariffDraft
) -> TariffVersion:
    if draft.from_at.tzinfo is None:
        raise InvalidValue("A tariff begins at an instant with its offset.", ("from",))
    tariff = tariff_of(draft.document, currency)
    require_complete(tariff, draft.from_at)
    document = canonical_tariff(draft.document)
    return TariffVersion(
        cooperative_id=cooperative_id,
        id=uuid7(),
        hub_id=draft.hub_id,
        member_class=class_named(draft.member_class),
        version=1,
        from_at=draft.from_at,
        name=_text(draft.name or _default_name(draft.document, tariff), "name", NAME_MAX),
        currency=currency,
        document=document,
        document_sha256=sha256_of(document),
        corrects_id=None,
        resolution=_text(draft.resolution, "resolution", RESOLUTION_MAX)
        if draft.resolution
        else None,
        set_by=viewer.subject,
        set_at=utc_now(),
    )


def _default_name(document: object, tariff: Tariff) -> str:
    """What the document calls itself, or its price when it has but one."""
    texts = document.get("tariff_alt_text") if isinstance(document, dict) else None
    if isinstance(texts, list) and texts and isinstance(texts[0], dict):
        alternative = texts[0].get("text")
        if isinstance(alternative, str) and alternative.strip():
            return alternative.strip()[:NAME_MAX]
    return tariff_name(tariff)


def _text(value: str, name: str, longest: int) -> str:
    if not 1 <= len(value.strip()) <= longest or not value.isprintable():
        raise InvalidValue(f"{name} is 1 to {longest} printable characters.", (name,))
    return value.strip()


def _following(
    version: TariffVersion, known: Sequence[TariffVersion], *, corrects: bool
) -> TariffVersion:
    """The version with its number, and with which it corrects."""
    there = [one for one in known if one.from_at == version.from_at]
    if there and not corrects:
        raise TariffTaken(f'"{there[-1].name}" counts from that instant on already.', ("from",))
    if corrects and not there:
        raise InvalidValue("No tariff counts from that very instant on.", ("from",))
    last = max((one.version for one in known), default=0)
    standing = max(there, key=lambda one: one.version, default=None)
    return replace(version, version=last + 1, corrects_id=None if standing is None else standing.id)


def _row(version: TariffVersion) -> dict[str, object]:
    return {column.name: getattr(version, column.name) for column in tariff_version.c}


async def tariff_in_force(
    connection: AsyncConnection, hub_id: HubId, member_class: str, at: datetime
) -> TariffVersion | None:
    """The version that a session of that class at that hub is charged by if it starts at `at`."""
    book = await queries.tariff_book(connection, [hub_id])
    return book.in_force(hub_id, class_named(member_class), at)
