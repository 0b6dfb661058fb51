"""The journal as text for other programs, streamed out of a snapshot: what `coop export` writes.

Hubs are known to the ledger by id only, so who calls says what they are called.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from itertools import islice
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from coop.kernel.ids import FundId
from coop.ledger import queries
from coop.ledger.domain.account import AccountType
from coop.ledger.domain.exports import (
    Book,
    ExportAccount,
    ExportCommodity,
    ExportEntry,
    ExportPosting,
    beancount,
    csv_journal,
    hledger,
)
from coop.ledger.queries import whole

Kind = Literal["beancount", "hledger", "csv"]
WRITERS = {"beancount": beancount, "hledger": hledger, "csv": csv_journal}
PIECE = 500


async def export(
    connection: AsyncConnection,
    kind: Kind,
    *,
    title: str,
    hub_names: Mapping[UUID, str] | None = None,
) -> AsyncIterator[str]:
    """The whole journal by (effective_on, recorded_at, id), a few hundred entries a piece.

    The caller has asked whether the viewer may read the books; `connection` is a snapshot.
    """
    book = await read_book(connection, title, hub_names or {})
    funds = {
        id_: None if row.cooperative_id == id_ else str(row.code)
        for id_, row in (await queries.funds(connection)).items()
    }
    pieces = await connection.run_sync(lambda sync: WRITERS[kind](book, _entries(sync, funds)))
    while piece := await connection.run_sync(lambda _: "".join(islice(pieces, PIECE))):
        yield piece


async def read_book(connection: AsyncConnection, title: str, hub_names: Mapping[UUID, str]) -> Book:
    """What an export declares: commodities, and every account that takes postings."""
    accounts = await connection.run_sync(
        lambda sync: [
            ExportAccount(
                row.id, row.code, row.name, AccountType(row.type), row.commodity, row.opened_on,
                row.closed_on, row.member, _hub(row.hub_id, hub_names), row.vintage,
            )
            for row in whole.stream(sync, whole.BOOK_ACCOUNTS)
        ]
    )  # fmt: skip
    scales = await queries.scales(connection)
    commodities = tuple(ExportCommodity(code, scale) for code, scale in sorted(scales.items()))
    currency = await queries.currency_of(connection)
    return Book(title, currency, commodities, tuple(accounts))


def _hub(hub_id: UUID | None, names: Mapping[UUID, str]) -> str | None:
    return None if hub_id is None else names.get(hub_id, str(hub_id))


def _entries(connection: Connection, funds: Mapping[FundId, str | None]) -> Iterator[ExportEntry]:
    rows = whole.stream(connection, whole.JOURNAL)
    for row, lines in whole.with_postings(connection, rows):
        postings = tuple(
            ExportPosting(line.account_id, line.amount_minor, funds[line.fund_id]) for line in lines
        )
        yield ExportEntry(
            row.id, row.kind, row.effective_on, row.recorded_at, row.memo, postings, row.reverses_id
        )
