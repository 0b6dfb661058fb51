"""What Warnefurt's members agreed on for 2025 beside tariffs: pledges, plans, sharing. Pure.

School buses pledge more than the summer holidays let them take, so a shortfall and the right to
make it up follow; Stadtwerke ramps up and has no such right; Funktaxi banks what it takes above its
pledge. Car sharers have a plan with energy in it, the bus company reserves power for the night, and
since July those who charge at Nordtor bear its grid charge by layers of their peaks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from coop.billing.domain.commitment import Terms
from coop.billing.domain.cost_sharing import Method
from coop.billing.domain.plan import PlanTerms
from coop.charging.domain.tariff import Tax
from coop.demo.town import CARE, MEMBERS

VAT = (Tax("VAT", Decimal(19)),)
_KWH = 1_000
_YEAR, _NEXT_YEAR = date(2025, 1, 1), date(2026, 1, 1)


@dataclass(frozen=True, slots=True)
class DemoPledge:
    """Whose pledge, at which hubs (several are a pool), on which terms, with which deposit."""

    member: str
    hubs: tuple[str, ...]
    terms: Terms
    resolution: str = "GV 2024-11/8"


@dataclass(frozen=True, slots=True)
class DemoInterruption:
    """When a hub, or one port of it, could not charge, or was held back; local times."""

    hub: str
    from_at: datetime
    to_at: datetime
    cause: str
    note: str
    port: int | None = None


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """A plan and who has had it since when."""

    terms: PlanTerms
    members: tuple[tuple[str, date], ...] = field(default=())


def _pledge(kwh: int, shortfall: str, **rest: object) -> Terms:
    return Terms(
        from_on=_YEAR, to_on=_NEXT_YEAR, minimum_wh=kwh * _KWH,
        shortfall_per_kwh=Decimal(shortfall), taxes=VAT, **rest,  # type: ignore[arg-type]
    )  # fmt: skip


_EVERYWHERE = ("WFT-101", "WFT-102", "WFT-103")
PLEDGES = (
    DemoPledge("0001", ("WFT-103",), _pledge(4_800, "0.12", overage_per_kwh=Decimal("0.02"))),
    DemoPledge("0002", _EVERYWHERE, _pledge(7_000, "0.11", make_up_months=4,
                                            bank_cap_wh=1_500 * _KWH)),
    DemoPledge("0005", _EVERYWHERE, _pledge(4_900, "0.11", make_up_months=2)),
    DemoPledge("0007", ("WFT-101",), _pledge(4_000, "0.14", make_up_months=6,
                                             deposit_minor=100_000)),
    DemoPledge("0008", _EVERYWHERE, _pledge(3_000, "0.14", make_up_months=3)),
    DemoPledge("0020", ("WFT-103",), _pledge(3_500, "0.12",
                                             ramp=(Decimal("0.5"), Decimal("0.75")))),
)  # fmt: skip

PLANS = (
    DemoPlan(
        PlanTerms("flotte-500", "Flotte 500", 17_500, included_wh=500 * _KWH, taxes=VAT),
        (("0009", _YEAR), ("0010", date(2025, 3, 17))),
    ),
)
CLASSES = tuple((member.number, "care", _YEAR) for member in MEMBERS if member.fleet is CARE)

INTERRUPTIONS = (
    DemoInterruption("WFT-101", datetime(2025, 2, 11, 6), datetime(2025, 2, 12, 18),  # noqa: DTZ001
                     "OUTAGE_GRID", "Cable struck in Ladestraße"),
    DemoInterruption("WFT-103", datetime(2025, 5, 5, 8), datetime(2025, 5, 9, 17),  # noqa: DTZ001
                     "OUTAGE_HARDWARE", "Cooling of a charger failed", port=6),
    DemoInterruption("WFT-102", datetime(2025, 7, 2, 12), datetime(2025, 7, 2, 19),  # noqa: DTZ001
                     "THROTTLED", "Heat: the hub held back power"),
)  # fmt: skip

SHARED_HUB = "WFT-103"
SHARED_FROM = date(2025, 7, 1)
SHARED_METHOD = Method.PEAK_LAYERS
SHARED_RESOLUTION = "GV 2025-06/3"
GRID_CHARGE_MINOR = 42_000
GRID_SCHEDULE = """
{"name": "Stadtwerke Warnefurt, Gewerbe mit Leistungsmessung", "rows": [{
  "id": "year", "from": "01-01", "through": "12-31",
  "days": ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"], "demand_per_kw": "3.85",
  "steps": [{"at": "00:00", "per_kwh": "0.162"}, {"at": "06:00", "per_kwh": "0.1885"}]
}]}
"""

RESERVED_HUB, RESERVED_BY, RESERVED_W = "WFT-101", "0007", 60_000
RESERVED_PRICE = Decimal("3.20")
REDUCTION_FROM = datetime(2025, 11, 19, 17)  # noqa: DTZ001 - the hub's clock
REDUCTION_TO = datetime(2025, 11, 19, 19)  # noqa: DTZ001
REDUCTION_PAID_MINOR, REDUCTION_FEE = 12_000, Decimal(10)
