"""What there is in Warnefurt, a town nobody will find on a map: hubs, members, fleets, days off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from zoneinfo import ZoneInfo

SLUG = "demo"
NAME = "Stromhof Warnefurt eG"
CURRENCY = "EUR"
ZONE = ZoneInfo("Europe/Berlin")
FIRST_DAY = date(2025, 1, 1)
LAST_DAY = date(2025, 12, 31)

HOLIDAYS = frozenset(
    date(2025, month, day)
    for month, day in (
        (1, 1), (4, 18), (4, 21), (5, 1), (5, 29), (6, 9), (10, 3), (12, 25), (12, 26),
    )
)  # fmt: skip
# First and last day of each.
SCHOOL_HOLIDAYS = (
    (date(2025, 1, 1), date(2025, 1, 5)),
    (date(2025, 2, 3), date(2025, 2, 8)),
    (date(2025, 4, 14), date(2025, 4, 26)),
    (date(2025, 7, 24), date(2025, 9, 3)),
    (date(2025, 10, 20), date(2025, 11, 1)),
    (date(2025, 12, 22), date(2025, 12, 31)),
)
# Percent of a mild day's consumption by month: cold batteries and cabins cost a quarter more.
SEASON_PERCENT = (126, 123, 114, 105, 100, 99, 101, 100, 101, 106, 115, 124)


@dataclass(frozen=True, slots=True)
class PortKind:
    """One sort of port: what it delivers at most, and through which OCPI connector."""

    power_w: int
    connector: str
    power_type: str

    @property
    def is_fast(self) -> bool:
        """Direct current: vehicles stay for the charge only."""
        return self.power_type == "DC"


AC22 = PortKind(22_000, "IEC_62196_T2", "AC_3_PHASE")
DC50 = PortKind(50_000, "IEC_62196_T2_COMBO", "DC")
DC150 = PortKind(150_000, "IEC_62196_T2_COMBO", "DC")


@dataclass(frozen=True, slots=True)
class DemoHub:
    """A hub, its ports in order, and what it cost to build; its prices are in tariffs.py."""

    ref: str
    name: str
    address: str
    ports: tuple[PortKind, ...]
    plant_minor: int

    def port_ref(self, index: int) -> str:
        """What the platform calls the port at `index`."""
        return f"DE*WFT*E{self.ref[-3:]}*{index + 1:02d}"


HUBS = (
    DemoHub(
        "WFT-101", "Güterhof", "Ladestraße 3", (AC22,) * 14 + (DC50,) * 2 + (DC150,) * 2,
        29_640_000,
    ),
    DemoHub(
        "WFT-102", "Marktgarage", "Am Markt 12", (AC22,) * 10 + (DC50,) * 2,
        14_880_000,
    ),
    DemoHub(
        "WFT-103", "Nordtor", "Hansering 200", (AC22,) * 6 + (DC150,) * 4,
        26_200_000,
    ),
)  # fmt: skip


class Week(Enum):
    """On which days a fleet is out."""

    DAILY = "every day"
    WORKDAYS = "Monday to Friday, not on holidays"
    SHOPDAYS = "Monday to Saturday, not on holidays"
    SCHOOL = "school days"
    LEISURE = "every day, and more of it at weekends"


@dataclass(frozen=True, slots=True)
class Stop:
    """A time of day at which vehicles of a fleet charge, if they need to.

    Minutes count from midnight; `stay` is how long a vehicle stands at a slow port (at a fast one
    it leaves when done). `share_percent` of the day's driving lies before it; `likely` is in a
    thousand.
    """

    earliest: int
    latest: int
    stay: tuple[int, int]
    share_percent: int
    likely: int
    fast: bool


@dataclass(frozen=True, slots=True)
class Fleet:
    """How one trade uses its vehicles; distances in km a day, powers in W, energy in Wh."""

    trade: str
    week: Week
    battery_wh: int
    wh_per_km: int
    km: tuple[int, int]
    ac_w: int
    dc_w: int
    below_percent: int
    stops: tuple[Stop, ...]


TAXI = Fleet("taxi", Week.DAILY, 77_000, 178, (140, 290), 11_000, 135_000, 58, (
    Stop(190, 330, (40, 90), 45, 600, fast=True),
    Stop(700, 940, (40, 90), 35, 850, fast=True),
    Stop(1150, 1370, (40, 90), 20, 350, fast=True),
))  # fmt: skip
DELIVERY = Fleet("delivery", Week.SHOPDAYS, 68_000, 265, (70, 140), 11_000, 80_000, 72, (
    Stop(1010, 1190, (600, 740), 100, 930, fast=False),
))  # fmt: skip
SCHOOL_BUS = Fleet("school bus", Week.SCHOOL, 184_000, 890, (70, 110), 22_000, 120_000, 70, (
    Stop(525, 590, (150, 210), 55, 500, fast=True),
    Stop(970, 1060, (780, 860), 45, 950, fast=False),
))  # fmt: skip
CAR_SHARING = Fleet("car sharing", Week.LEISURE, 52_000, 165, (25, 130), 11_000, 75_000, 60, (
    Stop(440, 1320, (120, 420), 100, 720, fast=False),
))  # fmt: skip
CRAFT = Fleet("craft", Week.WORKDAYS, 60_000, 290, (35, 95), 11_000, 75_000, 66, (
    Stop(935, 1080, (75, 240), 100, 820, fast=False),
))  # fmt: skip
CARE = Fleet("care service", Week.DAILY, 42_000, 148, (60, 125), 7_400, 60_000, 74, (
    Stop(775, 860, (70, 120), 55, 420, fast=False),
    Stop(1205, 1300, (520, 590), 45, 800, fast=False),
))  # fmt: skip
WORKS = Fleet("municipal works", Week.WORKDAYS, 94_000, 640, (45, 85), 22_000, 90_000, 76, (
    Stop(900, 960, (840, 900), 100, 920, fast=False),
))  # fmt: skip
BAKERY = Fleet("bakery", Week.SHOPDAYS, 56_000, 270, (60, 100), 11_000, 75_000, 78, (
    Stop(540, 630, (180, 330), 100, 900, fast=False),
))  # fmt: skip


class Paying(Enum):
    """How a member pays its months."""

    ON_TIME = "direct debit on the tenth"
    LATE = "transfers a month late"
    HALVES = "since August only half"
    STOPPED = "nothing since October"


@dataclass(frozen=True, slots=True)
class DemoMember:
    """A member operator: its number, fleet, home hub (position in HUBS) and habits of paying."""

    number: str
    name: str
    fleet: Fleet
    vehicles: int
    home: int
    joined_on: date = date(2024, 9, 1)
    shares: int = 5
    loan_minor: int = 0
    paying: Paying = Paying.ON_TIME

    @property
    def active_from(self) -> date:
        """The first day of the simulated year on which it is a member."""
        return max(self.joined_on, FIRST_DAY)

    def badge(self, vehicle: int) -> str:
        """The uid of the badge in its vehicle."""
        return f"WFT{self.number}{vehicle + 1:02d}"


MEMBERS = (
    DemoMember("0001", "Taxi Brandt", TAXI, 6, 2, shares=12, loan_minor=6_000_000),
    DemoMember("0002", "Funktaxi Warnefurt GmbH", TAXI, 8, 0, shares=16, loan_minor=12_000_000),
    DemoMember("0003", "Mietwagen Öztürk", TAXI, 4, 2, shares=8, loan_minor=2_000_000),
    DemoMember("0004", "Kurierdienst Falke", DELIVERY, 7, 0, shares=14, loan_minor=8_000_000),
    DemoMember("0005", "Paketboten Nord", DELIVERY, 9, 0, shares=18, loan_minor=9_000_000,
               paying=Paying.LATE),
    DemoMember("0006", "Frischelieferung Hansen", DELIVERY, 5, 2, shares=10),
    DemoMember("0007", "Omnibus Petersen", SCHOOL_BUS, 4, 0, shares=16, loan_minor=10_000_000),
    DemoMember("0008", "Schülerverkehr Lange", SCHOOL_BUS, 3, 2, shares=12),
    DemoMember("0009", "Teilauto Warnefurt e.V.", CAR_SHARING, 10, 1, shares=10,
               loan_minor=3_000_000),
    DemoMember("0010", "Stadtflitzer Carsharing", CAR_SHARING, 7, 1, shares=7),
    DemoMember("0011", "Elektro Sommer", CRAFT, 3, 1, shares=6, loan_minor=2_500_000),
    DemoMember("0012", "Tischlerei Nowak", CRAFT, 2, 0, shares=4),
    DemoMember("0013", "Sanitär Yildiz", CRAFT, 3, 2, shares=6, paying=Paying.HALVES),
    DemoMember("0014", "Dachdeckerei Vogt", CRAFT, 2, 0, shares=4),
    DemoMember("0015", "Malerbetrieb Krüger", CRAFT, 2, 1, shares=4),
    DemoMember("0016", "Pflegedienst Morgenrot", CARE, 6, 1, shares=9, loan_minor=2_000_000),
    DemoMember("0017", "Diakonie mobil", CARE, 5, 0, shares=10, loan_minor=5_000_000),
    DemoMember("0018", "Ambulante Pflege Sievers", CARE, 3, 1, shares=5),
    DemoMember("0019", "Essen auf Rädern", CARE, 3, 0, shares=5),
    DemoMember("0020", "Stadtwerke Betriebshof", WORKS, 5, 2, shares=20, loan_minor=15_000_000),
    DemoMember("0021", "Bäckerei Lindemann", BAKERY, 3, 1, shares=6),
    DemoMember("0022", "Taxi Sørensen", TAXI, 2, 1, joined_on=date(2025, 4, 1)),
    DemoMember("0023", "Gartenbau Wiese", CRAFT, 2, 2, joined_on=date(2025, 6, 1)),
    DemoMember("0024", "Blumen Adler", BAKERY, 1, 1, joined_on=date(2025, 9, 1), shares=3,
               paying=Paying.STOPPED),
)  # fmt: skip

SHARE_MINOR = 50_000
ENTRANCE_FEE_MINOR = 15_000


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody a token can be made for: the subject, and what it is in the cooperative."""

    subject: str
    role: str
    member_number: str | None = None


PEOPLE = (
    Person("demo-operator", "OPERATOR", "0002"),
    Person("demo-board", "BOARD"),
    Person("demo-treasurer", "TREASURER"),
    Person("demo-administrator", "ADMINISTRATOR"),
    Person("demo-auditor", "AUDITOR"),
)


def is_out(week: Week, day: date) -> bool:
    """Whether a fleet of that week drives on `day`."""
    if week in (Week.DAILY, Week.LEISURE):
        return True
    if day in HOLIDAYS or day.weekday() == 6:  # noqa: PLR2004 - Sunday
        return False
    if week is Week.SHOPDAYS:
        return True
    if day.weekday() == 5:  # noqa: PLR2004 - Saturday
        return False
    return week is Week.WORKDAYS or not any(first <= day <= last for first, last in SCHOOL_HOLIDAYS)
