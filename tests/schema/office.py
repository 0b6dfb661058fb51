"""A small cooperative with everything in it that the API shows, and its people at the API.

January: Ada's two shares 2,000.00; sessions at Harbour, Ada 30.00 and Bo 21.75; closed and sealed.
February: Ada at Station 22.00, a guest at Harbour 6.00, energy bought 40.00, Ada pays 25.00, a grant
of 500.00 in the fund EU, and 9.99 from Bo that was a mistake, reversed. Ada pledged April at
Harbour, in which her ramp is at 0. An invoice of December, of nothing, is hers, and contested.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import UUID

import httpx

from coop.billing import plans
from coop.billing.commitments import PledgeDraft, pledge
from coop.billing.domain.commitment import Terms
from coop.billing.domain.plan import PlanTerms
from coop.billing.domain.reservation import ReservationKind, ReservationTerms
from coop.billing.domain.utility_schedule import schedule_of
from coop.billing.grid import set_utility_schedule
from coop.charging import service as charging
from coop.charging import tariffs
from coop.charging.domain.mapping import mapping_of
from coop.charging.domain.place import HoldingDraft, Hub, HubDraft, PortDraft
from coop.charging.importing import ImportFile, import_sessions
from coop.db.engine import Database
from coop.kernel.clock import utc_now, zone_named
from coop.kernel.ids import AccountId, CooperativeId, EntryId, FundId, MemberId, uuid7
from coop.ledger import queries, service
from coop.ledger.closing import close_period
from coop.ledger.domain.entry import EntryDraft, PostingDraft
from coop.ledger.service import AccountKey
from coop.members.development import DevelopmentIssuer
from coop.members.domain.people import Member
from coop.members.domain.roles import Role
from coop.schema.node_id import NodeId
from tests.api import Api
from tests.billing.grid import FLAT
from tests.charging.domain.sample import MAPPING, rows
from tests.charging.yard import SPRING
from tests.members.people import Town, found, system
from tests.schema.bank_inputs import banked
from tests.schema.bill_inputs import billed
from tests.schema.profile_inputs import profiled

OSLO = zone_named("Europe/Oslo")
JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
SESSIONS = rows(
    "H1;ada;s1;2026-01-10 08:00:00;2026-01-10 10:00:00;10",
    "H1;bo;s2;2026-01-20 08:00:00;2026-01-20 09:00:00;7,25",
    "S1;ada;s3;2026-02-03 08:00:00;2026-02-03 09:00:00;5,5",
    "H1;guest;s4;2026-02-05 08:00:00;2026-02-05 09:00:00;2",
)
CAUTIOUS = MAPPING.replace("register = true", "register = false")
ROLES = {
    "treasurer": Role.TREASURER, "board": Role.BOARD, "auditor": Role.AUDITOR,
    "administrator": Role.ADMINISTRATOR, "grant administrator": Role.GRANT_ADMINISTRATOR,
}  # fmt: skip


@dataclass(repr=False)
class Office:
    """One cooperative; accounts are called by code and whose they are: `1205 ada`, `4000 H1`."""

    town: Town
    issuer: DevelopmentIssuer
    http: httpx.AsyncClient
    hubs: dict[str, Hub] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    entries: dict[str, EntryId] = field(default_factory=dict)
    funds: dict[str, FundId] = field(default_factory=dict)
    statement: str = ""
    commitment: str = ""
    item: str = ""
    invoice: str = ""
    dispute: str = ""

    @property
    def id(self) -> CooperativeId:
        return CooperativeId(self.town.id)

    @property
    def slug(self) -> str:
        return self.town.slug

    @property
    def database(self) -> Database:
        return self.town.database

    def subject(self, person: str) -> str:
        return f"{person}@{self.slug}"

    def token(self, person: str) -> str:
        return self.issuer.mint(self.subject(person), "coop", utc_now())

    def api(self, person: str = "treasurer") -> Api:
        """Somebody at the API: a role, `operator ada`, or a stranger without any."""
        return Api(self.http, self.token(person))

    def named(self, kind: str, id_: UUID, part: int | None = None) -> str:
        return str(NodeId(kind, self.id, id_, part))

    @property
    def node(self) -> str:
        return self.named("Cooperative", self.id)

    def member(self, name: str) -> str:
        return self.named("Member", self.members[name].id)

    def hub(self, ref: str) -> str:
        return self.named("Hub", self.hubs[ref].id)

    async def work(self, do: Any) -> Any:
        return await self.database.unit_of_work(self.id, do)

    async def ask(self, question: Any, *given: Any, **named: Any) -> Any:
        async with self.database.snapshot(self.id) as connection:
            return await question(connection, *given, **named)

    async def pledged(self, name: str, ref: str) -> str:
        """The id of a pledge of nothing yet for April: it moves nothing in the books."""
        terms = Terms(
            date(2026, 4, 1), date(2026, 5, 1), 1_000, Decimal("0.20"), ramp=(Decimal(0),)
        )
        draft = PledgeDraft(MemberId(self.members[name].id), (self.hubs[ref].id,), terms)
        made = await self.town.order(pledge, draft)
        return self.named("Commitment", made.id)

    async def account_id(self, name: str) -> AccountId:
        code, _, whose = name.partition(" ")
        key = AccountKey(code)
        if whose in self.members:
            key = AccountKey(code, MemberId(self.members[whose].id))
        elif whose:
            key = AccountKey(code, hub_id=self.hubs[whose].id)
        opened = await self.work(lambda c: service.accounts_for(c, self.id, [key]))
        return AccountId(opened[key])

    async def account(self, name: str) -> str:
        return self.named("Account", await self.account_id(name))

    async def lines(self, debit: str, credit: str, amount: str) -> list[dict[str, str]]:
        """The postings of an input: the one account debited, the other credited."""
        sides = ((debit, "DEBIT"), (credit, "CREDIT"))
        return [
            {"accountId": await self.account(name), "side": side, "amount": amount}
            for name, side in sides
        ]

    async def entry_input(
        self, key: str, debit: str = "1000", credit: str = "1205 ada", amount: str = "10.00",
        on: str = "2026-03-05", **changes: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """A JournalEntryPostInput."""
        lines = await self.lines(debit, credit, amount)
        return {
            "idempotencyKey": key, "cooperativeId": self.node, "effectiveOn": on,
            "kind": "payment", "memo": "Bank transfer", "postings": lines, **changes,
        }  # fmt: skip

    async def post(
        self, name: str, on: str, debit: str, credit: str, minor: int, fund: str | None = None
    ) -> None:
        debited, credited = await self.account_id(debit), await self.account_id(credit)
        in_fund = None if fund is None else self.funds[fund]
        lines = (PostingDraft(debited, minor, in_fund), PostingDraft(credited, -minor, in_fund))
        draft = EntryDraft(name, date.fromisoformat(on), name.capitalize(), lines)
        await self.post_draft(name, draft)

    async def post_draft(self, name: str, draft: EntryDraft) -> None:
        (outcome,) = await self.work(lambda c: service.post_entries(c, self.id, "tre", [draft]))
        assert outcome.refusal is None, outcome
        self.entries[name] = outcome.entry_id

    async def issue(self, name: str, from_on: date, to_on: date) -> dict[str, Any]:
        """A member's statement, as the treasurer has it made."""
        payload = await self.api().order(
            "statementIssue", "statement { id } document { url }",
            idempotencyKey=uuid7().hex, memberId=self.member(name),
            period={"from": from_on.isoformat(), "to": to_on.isoformat()},
        )  # fmt: skip
        assert payload["errors"] == [], payload
        return {**payload["statement"], **payload["document"]}

    async def moved(self) -> tuple[int, int, list[tuple[Any, ...]]]:
        """What a refusal must leave as it is: entries, sessions, every balance."""
        entries = await self.town.ask(_count, "journal_entry")
        sessions = await self.town.ask(_count, "charging_session")
        balances = await self.town.ask(_balances)
        return entries, sessions, balances


async def _count(connection: Any, _id: UUID, table: str) -> int:
    found = await connection.exec_driver_sql(f"SELECT count(*) FROM {table}")
    return int(found.scalar_one())


async def _balances(connection: Any, _id: UUID) -> list[tuple[Any, ...]]:
    found = await connection.exec_driver_sql(
        "SELECT account_id, fund_id, debit_minor, credit_minor, version FROM balance"
        " WHERE version > 0 ORDER BY 1, 2"
    )
    return [tuple(row) for row in found]


async def opened(database: Database, issuer: DevelopmentIssuer, http: httpx.AsyncClient) -> Office:
    """The cooperative with its people, hubs and prices; nothing is posted."""
    town = await found(database)
    office = Office(town, issuer, http)
    await office.work(lambda c: service.open_books(c, office.id, "NOK"))
    office.funds["EU"] = await office.work(
        lambda c: service.open_fund(c, office.id, "EU", "EU grant", restriction="purpose")
    )
    for ref, name, price in (("H1", "Harbour", "3.00"), ("S1", "Station", "4.00")):
        hub = await town.order(charging.register_hub, HubDraft(ref, name, OSLO))
        await town.order(tariffs.set_flat_price, hub.id, Decimal(price), SPRING)
        office.hubs[ref] = hub
    ports = [PortDraft(office.hubs["H1"].id, "P1", 22_000), PortDraft(office.hubs["H1"].id, "P2")]
    await town.order(charging.register_ports, ports)
    for name in ("ada", "bo"):
        member = await town.admit(name.capitalize(), number=name.upper())
        office.members[name] = member
        await town.grant(office.subject(f"operator {name}"), Role.OPERATOR, member_id=member.id)
        badge = HoldingDraft(name, MemberId(member.id), JANUARY)
        await town.order(charging.register_tokens, [badge])
    for person, role in ROLES.items():
        await town.grant(office.subject(person), role)
    return office


async def planned(office: Office) -> None:
    """A plan, which Ada has, power reserved for her, and a grid tariff at Harbour."""
    ada, hub = office.members["ada"], office.hubs["H1"]
    until = datetime(2026, 3, 1, tzinfo=UTC)
    terms = ReservationTerms(ReservationKind.POWER, 10_000, Decimal(5), SPRING, until)
    await office.town.order(plans.set_plan, PlanTerms("basic", "Basic", 1_900, 50_000))
    await office.town.order(plans.start_subscription, ada.id, "basic", JANUARY)
    await office.town.order(plans.record_reservation, ada.id, hub.id, terms)
    await office.town.order(set_utility_schedule, hub.id, JANUARY, schedule_of(FLAT))


async def furnished(
    database: Database, issuer: DevelopmentIssuer, http: httpx.AsyncClient
) -> Office:
    """The cooperative of this module's first lines."""
    office = await opened(database, issuer, http)
    await office.post("shares", "2026-01-05", "1000", "3100 ada", 200_000)
    await import_sessions(
        database, system(), office.id, ImportFile(BytesIO(SESSIONS.encode()), "s.csv"),
        mapping_of(CAUTIOUS),
    )  # fmt: skip
    (january, *_) = await office.ask(queries.periods)
    assert january.from_on == JANUARY
    await close_period(database, system(), office.id, january.id)
    office.statement = (await office.issue("ada", JANUARY, FEBRUARY))["id"]
    await planned(office)
    await office.post("energy", "2026-02-10", "5000 H1", "2000", 4_000)
    await office.post("payment", "2026-02-15", "1000", "1205 ada", 2_500)
    await office.post("grant", "2026-02-20", "1000", "4500", 50_000, "EU")
    await office.post("mistake", "2026-02-21", "1000", "1205 bo", 999)
    async with database.snapshot(office.id) as connection:
        mirror = await service.reversal_draft(
            connection, system(), office.id, office.entries["mistake"],
            effective_on=date(2026, 2, 22), memo="Not Bo's", idempotency_key=None,
        )  # fmt: skip
    await office.post_draft("reversal", mirror)
    office.commitment = await office.pledged("ada", "H1")
    office.item, office.invoice, office.dispute = await billed(office)
    await profiled(office)
    await banked(office)
    return office
