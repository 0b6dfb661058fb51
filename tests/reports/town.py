"""A cooperative with books, two hubs and members who charge; and a store for what it issues."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from coop.charging import service as charging
from coop.charging.books import session_accounts
from coop.charging.domain.entries import session_entry
from coop.charging.domain.place import HubDraft
from coop.db.engine import Database
from coop.kernel.ids import AccountId, CooperativeId, EntryId, HubId, MemberId, uuid7
from coop.ledger import service as ledger
from coop.ledger.accounts import AccountKey
from coop.ledger.domain.entry import EntryDraft, PostingDraft
from coop.members.domain.people import Member
from coop.members.domain.roles import Viewer, system_viewer
from coop.reports import service
from coop.reports.service import Issued
from coop.reports.store import DirectoryStore
from tests.members.people import Town, found

OSLO = ZoneInfo("Europe/Oslo")
OCTOBER = (date(2026, 10, 1), date(2026, 11, 1))
SEPTEMBER = (date(2026, 9, 1), date(2026, 10, 1))
PRICE = Decimal("3.89")


@dataclass(frozen=True)
class Grid:
    """The cooperative of one test."""

    town: Town
    store: DirectoryStore
    hubs: dict[str, HubId]
    ada: Member
    bo: Member

    @property
    def database(self) -> Database:
        return self.town.database

    @property
    def id(self) -> CooperativeId:
        return CooperativeId(self.town.id)

    async def work(self, do: Any) -> Any:
        return await self.database.unit_of_work(self.id, do)

    async def accounts(self, *keys: AccountKey) -> list[AccountId]:
        opened = await self.work(lambda c: ledger.accounts_for(c, self.id, list(keys)))
        return [opened[key] for key in keys]

    async def post(self, *drafts: EntryDraft) -> list[EntryId]:
        outcomes = await self.work(lambda c: ledger.post_entries(c, self.id, "ada", drafts))
        assert [outcome.refusal for outcome in outcomes] == [None] * len(drafts)
        return [outcome.entry_id for outcome in outcomes]

    async def charge(
        self, member: Member, hub: str, on: date, wh: int, minor: int, memo: str | None = None
    ) -> EntryId:
        """One session of a member."""
        pair = (MemberId(member.id), self.hubs[hub])
        accounts = await self.work(lambda c: session_accounts(c, self.id, [pair]))
        draft = session_entry(
            uuid7(), memo or f"{hub}: {wh} Wh", on, accounts[pair],
            net_minor=minor, tax_minor=0, delivered_wh=wh,
        )  # fmt: skip
        assert draft is not None
        return (await self.post(draft))[0]

    async def pay(self, member: Member, on: date, minor: int) -> EntryId:
        """Money that came in from a member."""
        bank, receivable = await self.accounts(
            AccountKey("1000"), AccountKey("1200", MemberId(member.id))
        )
        lines = (PostingDraft(bank, minor), PostingDraft(receivable, -minor))
        return (await self.post(EntryDraft("payment", on, "Direct debit", lines)))[0]

    async def issue(
        self,
        member: Member,
        days: tuple[date, date] = OCTOBER,
        *,
        key: str | None = None,
        locale: str = "en",
        by: Viewer | None = None,
    ) -> Issued:
        return await service.issue_statement(
            self.database, self.store, by or system_viewer(datetime.now(UTC)), self.id,
            MemberId(member.id), *days, locale=locale, idempotency_key=key,
        )  # fmt: skip

    def file(self, issued: Issued) -> bytes:
        return (self.store.root / issued.document.stored_as).read_bytes()

    def files(self) -> int:
        return sum(path.is_file() for path in self.store.root.rglob("*"))


async def grid(database: Database, root: Path) -> Grid:
    """A cooperative with two hubs and the members Ada and Bo; nothing is posted."""
    town = await found(database, name="Nordlys Charging")

    async def set_up(connection: Any) -> Grid:
        viewer = system_viewer(datetime.now(UTC))
        await ledger.open_books(connection, CooperativeId(town.id), "NOK")
        drafts = [HubDraft(ref, name, OSLO) for ref, name in (("H", "Harbour"), ("S", "Station"))]
        hubs = await charging.register_hubs(connection, viewer, CooperativeId(town.id), drafts)
        return {hub.name: hub.id for hub in hubs.values()}

    hubs = await database.unit_of_work(town.id, set_up)
    ada = await town.admit("Ada Berg", email="ada@berg.example")
    bo = await town.admit("Bo Lie")
    return Grid(town, DirectoryStore(root), hubs, ada, bo)


async def october(place: Grid) -> dict[str, EntryId]:
    """Ada's autumn: September 12.00 charged; in October two sessions, a payment, shares, one free."""
    shares, bank = await place.accounts(
        AccountKey("3100", MemberId(place.ada.id)), AccountKey("1000")
    )
    await place.charge(place.ada, "Harbour", date(2026, 9, 12), 3_085, 1_200)
    return {
        "first": await place.charge(place.ada, "Harbour", date(2026, 10, 3), 10_000, 3_890),
        "paid": await place.pay(place.ada, date(2026, 10, 15), 5_000),
        "second": await place.charge(place.ada, "Station", date(2026, 10, 20), 20_500, 7_975),
        "free": await place.charge(place.ada, "Station", date(2026, 10, 21), 1_500, 0),
        "shares": (
            await place.post(
                EntryDraft(
                    "share", date(2026, 10, 2), "Two shares",
                    (PostingDraft(bank, 200_000), PostingDraft(shares, -200_000)),
                )
            )
        )[0],
        "bo": await place.charge(place.bo, "Harbour", date(2026, 10, 4), 7_000, 2_723),
    }  # fmt: skip


def uuid_of(text: str) -> UUID:
    return UUID(text)
