"""What the treasurer of Warnefurt posted in 2025 besides charging: pure, in minor units.

    opening     shares, loans, plant and what was in the bank when the books were opened
    joining     members of the year: entrance fee, shares
    grant       a restricted fund: an advance, the asset it bought, its release over fifteen years
    running     energy and grid, overhead, upkeep, depreciation, interest: month by month

Accounts are named by their code in the chart, and the member or hub they are kept for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from coop.demo.simulation import Simulated
from coop.demo.town import (
    ENTRANCE_FEE_MINOR,
    FIRST_DAY,
    HUBS,
    LAST_DAY,
    MEMBERS,
    SHARE_MINOR,
    ZONE,
    DemoMember,
    Paying,
)

FUND = "KLIMA-2025"
FUND_NAME = "Klimafonds Warnefurt, Ladeplätze Nordtor"
GRANT_HUB = "WFT-103"
_ADVANCE_MINOR = 9_000_000
_GRANT_PLANT_MINOR = 8_400_000
_IN_BANK_MINOR = 1_850_000
_LIFE_MONTHS = 180
# Cents for a thousand kWh: what energy and the grid cost the cooperative, losses included.
_ENERGY_PER_MWH = 17_850
_GRID_PER_MWH = 3_120
_GRID_MONTHLY = 42_000
_OVERHEAD_MONTHLY = 218_000
_LOAN_RATE_PERCENT = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One posting: an account of the chart, of a member or hub if kept so, debit positive."""

    code: str
    minor: int
    member: str | None = None
    hub: str | None = None


@dataclass(frozen=True, slots=True)
class DemoEntry:
    """An entry; `key` makes posting it twice harmless; `granted`: in the restricted fund."""

    key: str
    kind: str
    effective_on: date
    memo: str
    lines: tuple[Line, ...]
    granted: bool = False


def month_starts(last_day: date = LAST_DAY) -> list[date]:
    """The first days of the year's months up to `last_day`."""
    return [date(FIRST_DAY.year, month, 1) for month in range(1, last_day.month + 1)]


def entries_before_charging(last_day: date = LAST_DAY) -> Iterator[DemoEntry]:
    """Everything that does not depend on what was charged, up to `last_day`."""
    every = (*_opening(), *_joining(), *_grant(), *_monthly(), *_interest())
    return (entry for entry in every if entry.effective_on <= last_day)


def _opening() -> Iterator[DemoEntry]:
    founders = [member for member in MEMBERS if member.joined_on < FIRST_DAY]
    for member in founders:
        yield from _shares(member, FIRST_DAY, FIRST_DAY)
        if member.loan_minor:
            lent = (
                Line("1000", member.loan_minor),
                Line("2500", -member.loan_minor, member.number),
            )
            memo = "Member loan, opening"
            yield DemoEntry(f"loan:{member.number}", "opening", FIRST_DAY, memo, lent)
    for hub in HUBS:
        lines = (Line("1500", hub.plant_minor, hub=hub.ref), Line("1000", -hub.plant_minor))
        memo = f"Chargers and works at {hub.name}, opening"
        yield DemoEntry(f"plant:{hub.ref}", "opening", FIRST_DAY, memo, lines)
    lines = (Line("1000", _IN_BANK_MINOR), Line("3500", -_IN_BANK_MINOR))
    yield DemoEntry("reserve", "opening", FIRST_DAY, "Reserve of 2024, opening", lines)


def _joining() -> Iterator[DemoEntry]:
    for member in MEMBERS:
        if member.joined_on < FIRST_DAY:
            continue
        fee = (Line("1000", ENTRANCE_FEE_MINOR), Line("4800", -ENTRANCE_FEE_MINOR))
        yield DemoEntry(f"fee:{member.number}", "entrance_fee", member.joined_on,
                        f"Entrance fee, {member.name}", fee)  # fmt: skip
        yield from _shares(member, member.joined_on, member.joined_on + timedelta(days=14))


def _shares(member: DemoMember, subscribed_on: date, paid_on: date) -> Iterator[DemoEntry]:
    """Subscribed, then paid; who stops paying later paid for one share only."""
    total = member.shares * SHARE_MINOR
    paid = SHARE_MINOR if member.paying is Paying.STOPPED else total
    number = member.number
    yield DemoEntry(
        f"subscribed:{number}", "share_subscription", subscribed_on,
        f"{member.shares} shares subscribed",
        (Line("1210", total, number), Line("3190", -total, number)),
    )  # fmt: skip
    yield DemoEntry(
        f"shares:{number}", "share_payment", paid_on, f"{paid // SHARE_MINOR} shares paid",
        (
            Line("1000", paid), Line("1210", -paid, number),
            Line("3190", paid, number), Line("3100", -paid, number),
        ),
    )  # fmt: skip


def _grant() -> Iterator[DemoEntry]:
    yield DemoEntry(
        "grant:advance", "grant_advance", date(2025, 2, 3), "Klimafonds: advance received",
        (Line("1000", _ADVANCE_MINOR), Line("2800", -_ADVANCE_MINOR)), granted=True,
    )  # fmt: skip
    yield DemoEntry(
        "grant:plant", "purchase", date(2025, 3, 17), "Two fast chargers at Nordtor",
        (
            Line("1500", _GRANT_PLANT_MINOR, hub=GRANT_HUB), Line("1000", -_GRANT_PLANT_MINOR),
            Line("2800", _GRANT_PLANT_MINOR), Line("2850", -_GRANT_PLANT_MINOR),
        ), granted=True,
    )  # fmt: skip
    for first in month_starts()[3:]:
        month = _GRANT_PLANT_MINOR // _LIFE_MONTHS
        lines = (
            Line("6850", month), Line("1590", -month, hub=GRANT_HUB),
            Line("2850", month), Line("4510", -month),
        )  # fmt: skip
        yield DemoEntry(
            f"grant:release:{first:%m}", "depreciation", _last_of(first),
            "Granted chargers: depreciation and release", lines, granted=True,
        )  # fmt: skip


def _monthly() -> Iterator[DemoEntry]:
    for first in month_starts():
        last = _last_of(first)
        for hub in HUBS:
            month = hub.plant_minor // _LIFE_MONTHS
            yield DemoEntry(f"depreciation:{first:%m}:{hub.ref}", "depreciation", last,
                            f"Depreciation {hub.name}",
                            (Line("6850", month), Line("1590", -month, hub=hub.ref)))  # fmt: skip
            upkeep = 9_700 + (first.month * 37 + len(hub.ports) * 11) % 60 * 450
            yield DemoEntry(f"upkeep:{first:%m}:{hub.ref}", "purchase", last - timedelta(days=6),
                            f"Upkeep {hub.name}",
                            (Line("5100", upkeep, hub=hub.ref), Line("1000", -upkeep)))  # fmt: skip
        lines = (Line("6000", _OVERHEAD_MONTHLY), Line("1000", -_OVERHEAD_MONTHLY))
        memo = "Office, insurance, software"
        yield DemoEntry(f"overhead:{first:%m}", "purchase", last, memo, lines)


def _interest() -> Iterator[DemoEntry]:
    for member in MEMBERS:
        if member.loan_minor:
            interest = member.loan_minor * _LOAN_RATE_PERCENT // 100
            lines = (Line("6800", interest), Line("2510", -interest, member.number))
            memo = "Interest on member loan, 2025"
            yield DemoEntry(f"interest:{member.number}", "interest", LAST_DAY, memo, lines)


def energy_entries(sessions: Iterable[Simulated], last_day: date = LAST_DAY) -> Iterator[DemoEntry]:
    """Energy and grid of each hub and month, billed at its end and paid on the twentieth after."""
    delivered: dict[tuple[int, int], int] = {}
    for session in sessions:
        place = (session.ended_at.astimezone(ZONE).month, session.hub)
        delivered[place] = delivered.get(place, 0) + session.delivered_wh
    for first in month_starts(last_day):
        owed = 0
        for i, hub in enumerate(HUBS):
            wh = delivered.get((first.month, i), 0)
            energy = (wh * _ENERGY_PER_MWH + 500_000) // 1_000_000
            grid = (wh * _GRID_PER_MWH + 500_000) // 1_000_000 + _GRID_MONTHLY
            owed += energy + grid
            lines = tuple(
                line
                for line in (
                    Line("5000", energy, hub=hub.ref), Line("5010", grid, hub=hub.ref),
                    Line("2000", -energy - grid),
                )
                if line.minor
            )  # fmt: skip
            yield DemoEntry(f"energy:{first:%m}:{hub.ref}", "purchase", _last_of(first),
                            f"Energy and grid {hub.name}", lines)  # fmt: skip
        paid_on = _last_of(first) + timedelta(days=20)
        if paid_on <= last_day:
            yield DemoEntry(f"energy:{first:%m}:paid", "payment", paid_on, "Stadtwerke Warnefurt",
                            (Line("2000", owed), Line("1000", -owed)))  # fmt: skip


def _last_of(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
