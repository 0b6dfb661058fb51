"""The cooperative of Warnefurt as it stood before the first day: whole or not at all.

people      members, their classes and profiles, who holds which role
places      hubs, ports, tariffs in force, badges, and the interruptions of the year
promises    pledges with a deposit, plans, reserved power, how grid costs are shared
bank        an account for what members pay, mandates, a rule for the bank's fee
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy.ext.asyncio import AsyncConnection

from coop.billing import plans
from coop.billing.bank_desk import AccountDraft, RuleDraft, add_bank_account, set_bank_rule
from coop.billing.commitments import DepositDraft, PledgeDraft, pledge, record_deposit
from coop.billing.domain.mandate import MandateDraft
from coop.billing.domain.reservation import ReservationKind, ReservationTerms
from coop.billing.domain.utility_schedule import schedule_of_text
from coop.billing.grid import record_demand_response, set_sharing_rule, set_utility_schedule
from coop.billing.mandates import register_mandate
from coop.charging import queries as charging_queries
from coop.charging import service as charging
from coop.charging.domain.interruption import Cause
from coop.charging.domain.place import HoldingDraft, HubDraft, PortDraft
from coop.charging.interruptions import InterruptionDraft, record_interruption
from coop.charging.tariffs import TariffDraft, set_tariffs
from coop.db.engine import Database
from coop.demo import bank, books, promises, town
from coop.demo.paying import FEE_TEXT, pays_by_debit
from coop.demo.tariffs import TARIFFS
from coop.kernel.clock import instant_of_wall
from coop.kernel.ids import CooperativeId, HubId, MemberId, uuid7
from coop.ledger import service as ledger
from coop.ledger.domain.account import AccountType
from coop.ledger.domain.entry import Side
from coop.ledger.service import NewAccount
from coop.members import service as members
from coop.members.classes import set_member_class
from coop.members.domain.people import Cooperative, MemberDraft
from coop.members.domain.profile import Address, CooperativeProfile, MemberProfile, ProfileTax
from coop.members.domain.roles import Role, Viewer
from coop.members.profiles import set_cooperative_profile, set_member_profile

BANK_CODE = "1001"
_SIGNED_ON = date(2024, 12, 2)
_DEPOSIT_ON = date(2025, 1, 2)


@dataclass(frozen=True, slots=True)
class _Founding:
    """Who founds what, in which transaction; ids by what people call things."""

    connection: AsyncConnection
    viewer: Viewer
    id: CooperativeId
    members: dict[str, MemberId]
    hubs: dict[str, HubId]


async def found(database: Database, viewer: Viewer) -> Cooperative:
    """Make the cooperative and everything that was agreed before the first day."""
    cooperative_id = CooperativeId(uuid7())

    async def work(connection: AsyncConnection) -> Cooperative:
        made = await members.create_cooperative(
            connection, viewer, cooperative_id,
            slug=town.SLUG, name=town.NAME, currency=town.CURRENCY, time_zone=town.ZONE.key,
        )  # fmt: skip
        await ledger.open_books(connection, cooperative_id, town.CURRENCY)
        await ledger.open_fund(
            connection, cooperative_id, books.FUND, books.FUND_NAME, restriction="purpose"
        )
        numbers = await _people(connection, viewer, cooperative_id)
        hubs = await _places(connection, viewer, cooperative_id)
        here = _Founding(connection, viewer, cooperative_id, numbers, hubs)
        for part in (_tariffs, _badges, _profiles, _interruptions, _pledges, _plans, _grid, _bank):
            await part(here)
        return made

    return await database.unit_of_work(cooperative_id, work)


def _midnight(day: date) -> datetime:
    return instant_of_wall(datetime.combine(day, time()), town.ZONE)


def _wall(at: datetime) -> datetime:
    return instant_of_wall(at, town.ZONE)


async def _people(
    connection: AsyncConnection, viewer: Viewer, cooperative_id: CooperativeId
) -> dict[str, MemberId]:
    drafts = [MemberDraft(one.name, one.joined_on, one.number) for one in town.MEMBERS]
    made = await members.register_members(connection, viewer, cooperative_id, drafts)
    numbers = {one.member.number: MemberId(one.member.id) for one in made}
    for person in town.PEOPLE:
        await members.grant_role(
            connection, viewer, cooperative_id, subject=person.subject, role=Role(person.role),
            from_on=town.FIRST_DAY,
            member_id=numbers[person.member_number] if person.member_number else None,
        )  # fmt: skip
    return numbers


async def _places(
    connection: AsyncConnection, viewer: Viewer, cooperative_id: CooperativeId
) -> dict[str, HubId]:
    drafts = [
        HubDraft(hub.ref, hub.name, town.ZONE, max(kind.power_w for kind in hub.ports))
        for hub in town.HUBS
    ]
    hubs = await charging.register_hubs(connection, viewer, cooperative_id, drafts)
    ports = [
        PortDraft(hubs[hub.ref].id, hub.port_ref(i), kind.power_w)
        for hub in town.HUBS
        for i, kind in enumerate(hub.ports)
    ]
    await charging.register_ports(connection, viewer, cooperative_id, ports)
    return {ref: hub.id for ref, hub in hubs.items()}


async def _tariffs(here: _Founding) -> None:
    drafts = [
        TariffDraft(
            one.document, _midnight(one.from_on), here.hubs[one.hub] if one.hub else None,
            one.member_class, one.name, one.resolution,
        )
        for one in TARIFFS
    ]  # fmt: skip
    await set_tariffs(here.connection, here.viewer, here.id, drafts)
    for number, name, from_on in promises.CLASSES:
        await set_member_class(
            here.connection, here.viewer, here.id, here.members[number], name, from_on
        )


async def _badges(here: _Founding) -> None:
    holdings = [
        HoldingDraft(member.badge(i), here.members[member.number], member.joined_on)
        for member in town.MEMBERS
        for i in range(member.vehicles)
    ]
    await charging.register_tokens(here.connection, here.viewer, here.id, holdings)


async def _profiles(here: _Founding) -> None:
    profile = CooperativeProfile(
        legal_name=town.NAME,
        address=Address(("Ladestraße 3",), "99999", "Warnefurt", "DE"),
        register_number="GnR 4711, Amtsgericht Warnefurt",
        tax_number="99/815/04711",
        email="buero@stromhof-warnefurt.example",
        iban=bank.OWN_IBAN,
        taxes=tuple(ProfileTax(tax.name, tax.percent) for tax in promises.VAT),
        exemption="No VAT on compensation: § 1 (1) no. 1 UStG.",
    )
    await set_cooperative_profile(here.connection, here.viewer, here.id, town.FIRST_DAY, profile)
    for position, one in enumerate(town.MEMBERS, 1):
        address = Address((f"Hafenweg {position}",), "99999", "Warnefurt", "DE")
        await set_member_profile(
            here.connection, here.viewer, here.id, here.members[one.number],
            max(one.joined_on, town.FIRST_DAY), MemberProfile(one.name, address),
        )  # fmt: skip


async def _interruptions(here: _Founding) -> None:
    names = {hub.ref: hub for hub in town.HUBS}
    ports = await charging_queries.ports_of_hubs(here.connection, here.hubs.values())
    ids = {(one.hub_id, one.ref): one.id for several in ports.values() for one in several}
    for one in promises.INTERRUPTIONS:
        hub_id = here.hubs[one.hub]
        port = None if one.port is None else ids[hub_id, names[one.hub].port_ref(one.port)]
        draft = InterruptionDraft(
            hub_id, _wall(one.from_at), Cause(one.cause), port, _wall(one.to_at), one.note
        )
        await record_interruption(here.connection, here.viewer, here.id, draft)


async def _pledges(here: _Founding) -> None:
    for one in promises.PLEDGES:
        draft = PledgeDraft(
            here.members[one.member], tuple(here.hubs[ref] for ref in one.hubs), one.terms,
            one.resolution,
        )  # fmt: skip
        made = await pledge(here.connection, here.viewer, here.id, draft)
        if one.terms.deposit_minor:
            deposit = DepositDraft("taken", one.terms.deposit_minor, _DEPOSIT_ON)
            await record_deposit(here.connection, here.viewer, here.id, made.id, deposit)


async def _plans(here: _Founding) -> None:
    for one in promises.PLANS:
        await plans.set_plan(
            here.connection, here.viewer, here.id, one.terms, resolution="GV 2024-11/9"
        )
        for number, from_on in one.members:
            await plans.start_subscription(
                here.connection, here.viewer, here.id, here.members[number], one.terms.code, from_on
            )
    terms = ReservationTerms(
        ReservationKind.POWER, promises.RESERVED_W, promises.RESERVED_PRICE,
        _midnight(town.FIRST_DAY), _midnight(date(2026, 1, 1)), taxes=promises.VAT,
    )  # fmt: skip
    await plans.record_reservation(
        here.connection, here.viewer, here.id, here.members[promises.RESERVED_BY],
        here.hubs[promises.RESERVED_HUB], terms, resolution="GV 2024-11/10",
    )  # fmt: skip


async def _grid(here: _Founding) -> None:
    await set_utility_schedule(
        here.connection, here.viewer, here.id, here.hubs[promises.SHARED_HUB], town.FIRST_DAY,
        schedule_of_text(promises.GRID_SCHEDULE),
    )  # fmt: skip
    await set_sharing_rule(
        here.connection, here.viewer, here.id, here.hubs[promises.SHARED_HUB],
        promises.SHARED_FROM, promises.SHARED_METHOD.value,
        taxes=promises.VAT, resolution=promises.SHARED_RESOLUTION,
    )  # fmt: skip
    await record_demand_response(
        here.connection, here.viewer, here.id, here.hubs[promises.RESERVED_HUB],
        _wall(promises.REDUCTION_FROM), _wall(promises.REDUCTION_TO),
        promises.REDUCTION_PAID_MINOR, promises.REDUCTION_FEE, programme="Netzampel",
    )  # fmt: skip


async def _bank(here: _Founding) -> None:
    account = NewAccount(
        BANK_CODE, "Bank, members' account", AccountType.ASSET, Side.DEBIT, town.CURRENCY
    )
    await ledger.open_account(here.connection, here.viewer, here.id, account)
    await add_bank_account(
        here.connection, here.viewer, here.id,
        AccountDraft(bank.OWN_IBAN, town.NAME, account_code=BANK_CODE,
                     creditor_id=bank.CREDITOR_ID),
    )  # fmt: skip
    rule = RuleDraft("Bank fees", contains=FEE_TEXT, account_code="6700")
    await set_bank_rule(here.connection, here.viewer, here.id, rule)
    for member in town.MEMBERS:
        if pays_by_debit(member):
            draft = MandateDraft(
                here.members[member.number], f"WFT-M{member.number}", _SIGNED_ON,
                bank.iban(int(member.number)), member.name,
            )  # fmt: skip
            await register_mandate(here.connection, here.viewer, here.id, draft)
