"""Sessions, and what imports refused of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    RowMapping,
    Select,
    Text,
    TextClause,
    cast,
    column,
    func,
    select,
    text,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.charging.domain.session import ChargingSession, Identity
from coop.charging.tables import charging_session, import_rejection, import_run
from coop.db.among import among
from coop.db.keyset import windowed
from coop.kernel.ids import HubId, MemberId
from coop.kernel.window import Window

# States that count: neither what was credited nor the credit itself.
COUNTED = ("charged", "suspended")
SESSION = [c for c in charging_session.c if c.name not in ("raw", "raw_sha256", "body_sha256")]


@dataclass(frozen=True, slots=True)
class SessionWhere:
    """Which sessions a list holds: of a member, at a hub, effective on [from_on, to_on)."""

    member_id: MemberId | None = None
    hub_id: HubId | None = None
    from_on: date | None = None
    to_on: date | None = None
    on_review: bool = False


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as kept; `state` is charged, suspended, credited or credit."""

    cooperative_id: UUID
    id: UUID
    country_code: str
    party_id: str
    session_id: str
    hub_id: HubId
    port_id: UUID | None
    token_uid: str | None
    member_id: MemberId | None
    started_at: datetime
    ended_at: datetime
    effective_on: date
    delivered_wh: int
    state: str
    amount_minor: int
    tariff_version_id: UUID | None
    entry_id: UUID | None
    credit_of_id: UUID | None
    doubts: list[str]
    reviewed_by: str | None
    reviewed_at: datetime | None
    run_id: UUID
    recorded_at: datetime
    session_ref: str | None

    @property
    def identity(self) -> Identity:
        """What makes it one and the same session."""
        return (self.country_code, self.party_id, self.session_id)


@dataclass(frozen=True, slots=True)
class SessionToRate:
    """A session with the bytes it came in, and whether a mapped file (csv) or CDRs brought it."""

    session: StoredSession
    raw: bytes
    kind: str


@dataclass(frozen=True, slots=True)
class SessionTotal:
    """How many sessions, and what those that count add up to."""

    count: int
    delivered_wh: int
    amount_minor: int


async def bodies_of(
    connection: AsyncConnection, identities: Iterable[Identity]
) -> dict[Identity, bytes]:
    """The body hash of each of these sessions that is here already."""
    c = charging_session.c
    keys = list(identities)
    wanted = (
        func.unnest(*(cast([key[i] for key in keys], ARRAY(Text)) for i in range(3)))
        .table_valued(column("country_code", Text), column("party_id", Text), column("id", Text))
        .render_derived(name="wanted")
    )
    stored = (
        select(c.body_sha256)
        .where(
            c.country_code == wanted.c.country_code,
            c.party_id == wanted.c.party_id,
            c.session_id == wanted.c.id,
        )
        .limit(1)  # one look into the index each; see overlaps_of
        .lateral("stored")
    )
    rows = await connection.execute(select(*wanted.c, stored.c.body_sha256).join(stored, true()))
    return {(row[0], row[1], row[2]): row[3] for row in rows}


async def sessions_by_identities(
    connection: AsyncConnection, identities: Iterable[Identity]
) -> dict[Identity, StoredSession]:
    """These sessions, locked until the transaction ends: for crediting them."""
    c = charging_session.c
    key = tuple_(c.country_code, c.party_id, c.session_id)
    statement = select(*SESSION).where(key.in_(list(identities))).order_by(c.id)
    found = await sessions_in(connection, statement.with_for_update())
    return {one.identity: one for one in found}


async def overlaps_of(
    connection: AsyncConnection, sessions: Sequence[ChargingSession], longest: timedelta
) -> set[int]:
    """Positions of those during which their badge was in use already; none lasts over `longest`."""
    c = charging_session.c
    asked = [(i, s) for i, s in enumerate(sessions) if s.token_uid and s.credit_of is None]
    new = (
        func.unnest(
            cast([i for i, _ in asked], ARRAY(BigInteger)),
            cast([s.token_uid for _, s in asked], ARRAY(Text)),
            cast([s.started_at for _, s in asked], ARRAY(DateTime(timezone=True))),
            cast([s.ended_at for _, s in asked], ARRAY(DateTime(timezone=True))),
        )
        .table_valued(
            column("position", BigInteger),
            column("uid", Text),
            column("started_at", DateTime(timezone=True)),
            column("ended_at", DateTime(timezone=True)),
        )
        .render_derived(name="new")
    )
    # LIMIT keeps it one look into the index of badges each, whatever the planner believes of a
    # table that grows as it is read.
    at_once = (
        select(c.id)
        .where(
            c.token_uid == new.c.uid,
            c.started_at < new.c.ended_at,
            c.started_at > new.c.started_at - longest,
            c.ended_at > new.c.started_at,
            c.state.in_(COUNTED),
        )
        .limit(1)
        .lateral("at_once")
    )
    found = await connection.scalars(select(new.c.position).join(at_once, true()))
    return set(found.all())


async def suspended_sessions(connection: AsyncConnection, uid: str) -> list[StoredSession]:
    """The sessions of a badge that nobody was known for, oldest first, locked."""
    c = charging_session.c
    statement = (
        select(*SESSION)
        .where(c.token_uid == uid, c.state == "suspended")
        .order_by(c.started_at, c.id)
    )
    return await sessions_in(connection, statement.with_for_update())


async def sessions_page(
    connection: AsyncConnection, where: SessionWhere, window: Window
) -> list[StoredSession]:
    """Sessions by (started_at, id), newest first, as many as the window holds."""
    c = charging_session.c
    statement = select(*SESSION).where(*conditions_of(where))
    return await sessions_in(
        connection, windowed(statement, [c.started_at, c.id], window, descending=True)
    )


async def sessions_total(connection: AsyncConnection, where: SessionWhere) -> SessionTotal:
    """How many sessions `where` holds; energy and money are of those that count."""
    c = charging_session.c
    counted = c.state.in_(COUNTED)
    row = (
        await connection.execute(
            select(
                func.count(),
                func.coalesce(func.sum(c.delivered_wh).filter(counted), 0),
                func.coalesce(func.sum(c.amount_minor).filter(counted), 0),
            ).where(*conditions_of(where))
        )
    ).one()
    return SessionTotal(int(row[0]), int(row[1]), int(row[2]))


async def sessions_by_ids(
    connection: AsyncConnection, ids: Iterable[UUID]
) -> dict[UUID, StoredSession]:
    """The sessions of those ids that exist."""
    statement = select(*SESSION).where(among(charging_session.c.id, ids))
    return {one.id: one for one in await sessions_in(connection, statement)}


async def sessions_to_rate(connection: AsyncConnection, ids: Iterable[UUID]) -> list[SessionToRate]:
    """These sessions with what they were metered by, in order, locked."""
    c = charging_session.c
    statement = (
        select(*SESSION, c.raw, import_run.c.kind)
        .join(import_run, import_run.c.id == c.run_id)
        .where(among(c.id, ids))
        .order_by(c.id)
        .with_for_update(of=charging_session)
    )
    names = [column.name for column in SESSION]
    return [
        SessionToRate(StoredSession(**{name: row[name] for name in names}), row["raw"], row["kind"])
        for row in (await connection.execute(statement)).mappings()
    ]


async def raw_of_sessions(
    connection: AsyncConnection, ids: Iterable[UUID]
) -> dict[UUID, tuple[str, bytes]]:
    """The bytes each session came in, and whether a mapped file (csv) or CDRs (cdr) brought it."""
    c = charging_session.c
    statement = select(c.id, import_run.c.kind, c.raw).join(import_run, import_run.c.id == c.run_id)
    rows = await connection.execute(statement.where(among(c.id, ids)))
    return {row.id: (row.kind, row.raw) for row in rows}


async def session_ids_of_cdrs(
    connection: AsyncConnection, cdr_ids: Iterable[str]
) -> list[tuple[str, UUID]]:
    """(id at the platform, session) of those that platforms call so, of every platform."""
    c = charging_session.c
    rows = await connection.execute(
        select(c.session_id, c.id).where(among(c.session_id, cdr_ids)).order_by(c.id)
    )
    return [(row[0], row[1]) for row in rows]


async def session_ids_of_hub(
    connection: AsyncConnection, hub_id: HubId, from_on: date | None, to_on: date | None
) -> list[UUID]:
    """The sessions at a hub that count for the days [from_on, to_on) and were not credited."""
    c = charging_session.c
    statement = select(c.id).where(c.hub_id == hub_id, c.state.in_(COUNTED), *_days(from_on, to_on))
    return list((await connection.scalars(statement.order_by(c.id))).all())


async def delivered_wh_of_hubs(
    connection: AsyncConnection,
    hub_ids: Iterable[UUID],
    from_on: date | None = None,
    to_on: date | None = None,
) -> dict[HubId, int]:
    """Wh that each hub delivered on the days [from_on, to_on); one without sessions is absent."""
    c = charging_session.c
    conditions = [*_days(from_on, to_on), among(c.hub_id, hub_ids), c.state.in_(COUNTED)]
    rows = await connection.execute(
        select(c.hub_id, func.sum(c.delivered_wh)).where(*conditions).group_by(c.hub_id)
    )
    return {HubId(row[0]): int(row[1]) for row in rows}


def conditions_of(where: SessionWhere) -> list[ColumnElement[bool] | TextClause]:
    """What `where` asks of a row."""
    c = charging_session.c
    conditions: list[ColumnElement[bool] | TextClause] = [*_days(where.from_on, where.to_on)]
    if where.member_id is not None:
        conditions.append(c.member_id == where.member_id)
    if where.hub_id is not None:
        conditions.append(c.hub_id == where.hub_id)
    if where.on_review:
        # Written as the partial index of the review list is.
        conditions += [text("doubts <> '{}'"), c.reviewed_at.is_(None)]
    return conditions


def _days(from_on: date | None, to_on: date | None) -> list[ColumnElement[bool]]:
    day = charging_session.c.effective_on
    since = [] if from_on is None else [day >= from_on]
    return since if to_on is None else [*since, day < to_on]


async def sessions_in(connection: AsyncConnection, statement: Select[Any]) -> list[StoredSession]:
    """The sessions that a statement of SESSION gives."""
    rows = await connection.execute(statement)
    return [StoredSession(**row) for row in rows.mappings()]


async def rejections_page(
    connection: AsyncConnection, run_id: UUID, window: Window
) -> list[RowMapping]:
    """What one import refused, in the order of the file."""
    statement = select(import_rejection).where(import_rejection.c.run_id == run_id)
    found = await connection.execute(windowed(statement, [import_rejection.c.position], window))
    return list(found.mappings())
