"""What there is to post to: commodities, accounts, funds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.db.among import among
from coop.kernel.ids import AccountId, FundId, HubId, MemberId
from coop.ledger import tables
from coop.ledger.domain.account import AccountType

AccountRow = Row[Any]

_account = tables.account.c


async def currency_of(connection: AsyncConnection) -> str:
    """The currency the cooperative's books are kept in."""
    found = await connection.execute(
        select(tables.commodity.c.code).where(tables.commodity.c.kind == "currency")
    )
    return str(found.scalar_one())


async def scales(connection: AsyncConnection) -> dict[str, int]:
    """How many decimals each commodity has."""
    rows = await connection.execute(select(tables.commodity.c.code, tables.commodity.c.scale))
    return {row.code: row.scale for row in rows}


async def accounts_by_ids(
    connection: AsyncConnection, ids: Iterable[AccountId]
) -> dict[AccountId, AccountRow]:
    """The accounts of these ids that exist here."""
    rows = await connection.execute(select(tables.account).where(among(_account.id, ids)))
    return {row.id: row for row in rows}


async def accounts_of_members(
    connection: AsyncConnection, member_ids: Iterable[MemberId]
) -> dict[MemberId, list[AccountRow]]:
    """Every account opened for these members, by code."""
    rows = await connection.execute(
        select(tables.account)
        .where(among(_account.member_id, member_ids))
        .order_by(_account.code, _account.vintage, _account.id)
    )
    found: dict[MemberId, list[AccountRow]] = {}
    for row in rows:
        found.setdefault(row.member_id, []).append(row)
    return found


async def accounts_page(
    connection: AsyncConnection,
    *,
    condition: ColumnElement[bool] | None,
    after: tuple[str, UUID] | None,
    limit: int,
    backward: bool = False,
) -> list[AccountRow]:
    """Accounts by (code, id), `limit` at most, past the place `after` in the direction asked."""
    key = tuple_(_account.code, _account.id)
    statement = select(tables.account).limit(limit)
    if condition is not None:
        statement = statement.where(condition)
    if after is not None:
        place = tuple_(*after)
        statement = statement.where(key < place if backward else key > place)
    order = (_account.code.desc(), _account.id.desc()) if backward else (_account.code, _account.id)
    return list(await connection.execute(statement.order_by(*order)))


def account_condition(
    *,
    code: str | None = None,
    type_: AccountType | None = None,
    member_id: MemberId | None = None,
    hub_id: HubId | None = None,
    member_ids: Iterable[UUID] | None = None,
) -> ColumnElement[bool]:
    """The accounts a `where` asks for; `member_ids` narrows to what a viewer may see."""
    parts: list[ColumnElement[bool]] = []
    if code is not None:
        parts.append(_account.code == code)
    if type_ is not None:
        parts.append(_account.type == type_.value)
    if member_id is not None:
        parts.append(_account.member_id == member_id)
    if hub_id is not None:
        parts.append(_account.hub_id == hub_id)
    if member_ids is not None:
        parts.append(among(_account.member_id, member_ids))
    return and_(True, *parts)  # noqa: FBT003 - the neutral element


async def count_accounts(connection: AsyncConnection, condition: ColumnElement[bool]) -> int:
    """How many accounts the condition picks."""
    return (
        await connection.scalar(select(func.count()).select_from(tables.account).where(condition))
        or 0
    )


async def funds(connection: AsyncConnection) -> dict[FundId, Row[Any]]:
    """Every fund of the cooperative."""
    rows = await connection.execute(select(tables.fund).order_by(tables.fund.c.code))
    return {row.id: row for row in rows}
