"""Prices by hand: each case worked out beside it, exact, rounded half-up once a line."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from coop.charging.domain.pricing import Charge, ChargeLine, price
from coop.charging.domain.session import ChargingSession, Dimension, MeteredPeriod
from coop.charging.domain.tariff import Tariff, Tax, flat_tariff_document, tariff_of
from coop.kernel.errors import InvalidValue

from .pricing_sample import BERLIN, element, lines, tariff, used
from .test_plausibility import START, session

ZONE = ZoneInfo("Europe/Oslo")


def cost(wh: int, per_kwh: str, currency: str = "EUR") -> Charge:
    flat = tariff_of(flat_tariff_document("flat", currency, Decimal(per_kwh)))
    return price(flat, session(wh, timedelta(hours=1)), ZONE)


@pytest.mark.parametrize(
    ("wh", "per_kwh", "currency", "minor"),
    [
        (12_340, "0.39", "EUR", 481),  # 4.8126
        (1_000, "0.125", "EUR", 13),  # 0.125, half up
        (1_000, "0.1249999", "EUR", 12),
        (15_342, "0.25", "EUR", 384),  # 3.8355 → 3.84
        (12_340, "39", "JPY", 481),
        (12_340, "0.39", "KWD", 4813),
        (1, "0.001", "EUR", 0),
        (10_000, "0", "EUR", 0),
    ],
)
def test_energy_times_price(wh: int, per_kwh: str, currency: str, minor: int) -> None:
    charge = cost(wh, per_kwh, currency)
    exact = Fraction(wh, 1000) * Fraction(per_kwh)
    assert charge == Charge(
        currency,
        (
            ChargeLine(
                "ENERGY", 0, "Energy", Fraction(wh, 1000), "kWh", Fraction(per_kwh), minor, (),
                Fraction(0),
            ),
        ),
        exact,
        exact,
    )  # fmt: skip
    assert charge.amount_minor == minor


def test_nothing_delivered_costs_nothing_and_has_no_line() -> None:
    assert cost(0, "0.39") == Charge("EUR", (), Fraction(0), Fraction(0))


def test_an_amount_beyond_the_books_is_refused() -> None:
    with pytest.raises(InvalidValue):
        cost(10**9, "1000000000")


ALL = tariff(element("FLAT 0.5 +20%", "ENERGY 0.25 +10%", "TIME 1.2", "PARKING_TIME 2 +20% /900"))


def test_each_dimension_has_its_line_and_its_tax() -> None:
    charge = price(
        ALL, used("2026-03-02T09:00", "charging 90 min 20 kWh", "parking 40 min"), BERLIN
    )
    assert lines(charge) == [
        "FLAT@0 1 session x 1/2 = 50 + 1/10",
        "ENERGY@0 20 kWh x 1/4 = 500 + 1/2",
        "TIME@0 3/2 h x 6/5 = 180 + 0",
        "PARKING_TIME@0 3/4 h x 2 = 150 + 3/10",  # 40 minutes are three quarters of an hour
    ]
    assert (charge.before_tax, charge.after_tax) == (Fraction("8.80"), Fraction("9.70"))
    assert (charge.amount_minor, charge.tax) == (880, Fraction("0.9"))
    assert charge.lines[3].description == "Parking time, in blocks of 15 min"


def test_a_session_without_periods_is_one_that_charges_from_start_to_end() -> None:
    """As an export writes it: 12.34 kWh in two hours and a half."""
    charge = price(ALL, session(12_340, timedelta(hours=2, minutes=30)), BERLIN)
    assert lines(charge) == [
        "FLAT@0 1 session x 1/2 = 50 + 1/10",
        "ENERGY@0 617/50 kWh x 1/4 = 309 + 309/1000",  # 3.085; taxes are of what is charged
        "TIME@0 5/2 h x 6/5 = 300 + 0",
    ]


def periods(*stated: tuple[int, dict[str, str]]) -> ChargingSession:
    """A session of two hours and 10 kWh, its periods by the minute they begin."""
    found = tuple(
        MeteredPeriod(
            START + timedelta(minutes=minute),
            tuple(Dimension(kind, Decimal(volume)) for kind, volume in dimensions.items()),
        )
        for minute, dimensions in stated
    )
    return session(10_000, timedelta(hours=2), periods=found)


BY_TIME = tariff(element("TIME 6", "PARKING_TIME 12", "ENERGY 1 /0"))


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        # A third of an hour in four decimals is twenty minutes: the clock knows better.
        (periods((0, {"TIME": "1.6667"}), (100, {"PARKING_TIME": "0.333"})),
         ["ENERGY 10", "TIME 5/3", "PARKING_TIME 1/3"]),
        # Hours and clock disagree: what the platform wrote counts.
        (periods((0, {"TIME": "1.5"})), ["ENERGY 10", "TIME 3/2"]),
        # Nothing said about time: it charged.
        (periods((0, {"ENERGY": "10"})), ["ENERGY 10", "TIME 2"]),
        # Two kinds in one period: charging first, and the energy is its own.
        (periods((0, {"TIME": "1.25", "PARKING_TIME": "0.75", "ENERGY": "10"})),
         ["ENERGY 10", "TIME 5/4", "PARKING_TIME 3/4"]),
        # Volumes that are off by rounding share out what was delivered, to the watt-hour.
        (periods((0, {"ENERGY": "5.0001"}), (60, {"ENERGY": "5.0001", "PARKING_TIME": "1"})),
         ["ENERGY 10", "TIME 1", "PARKING_TIME 1"]),
        # Fed back at the end: the net is what is paid.
        (periods((0, {"ENERGY": "12"}), (60, {"ENERGY": "-2"})), ["ENERGY 10", "TIME 2"]),
    ],
)  # fmt: skip
def test_what_periods_say_is_what_is_priced(use: ChargingSession, expected: list[str]) -> None:
    charge = price(BY_TIME, use, BERLIN)
    assert [f"{line.kind} {line.quantity}" for line in charge.lines] == expected


def test_the_first_element_that_holds_prices_each_dimension_by_itself() -> None:
    found = tariff(
        element("ENERGY 0.10", max_power=Decimal(8)),
        element("TIME 5", min_current=Decimal(32)),
        element("ENERGY 0.50", "TIME 1"),
    )
    slow = price(found, used("2026-03-02T09:00", "charging 60 min 6 kWh 16 A"), BERLIN)
    fast = price(found, used("2026-03-02T09:00", "charging 60 min 40 kWh 63 A"), BERLIN)
    assert [(line.kind, line.element) for line in slow.lines] == [("ENERGY", 0), ("TIME", 2)]
    assert [(line.kind, line.element) for line in fast.lines] == [("ENERGY", 2), ("TIME", 1)]
    assert fast.lines[1].description == "Charging time, from 32 A"


@pytest.mark.parametrize(
    ("measured", "elements"),
    [
        ("31.9 A", [0]),
        ("32 A", [1]),  # least is inclusive, greatest exclusive: nothing is priced twice
        ("", [0]),  # a current nobody metered is none
    ],
)
def test_ranges_of_current_leave_no_gap(measured: str, elements: list[int]) -> None:
    found = tariff(
        element("ENERGY 0.1", max_current=Decimal(32)),
        element("ENERGY 0.2", min_current=Decimal(32)),
    )
    charge = price(found, used("2026-03-02T09:00", f"charging 60 min 20 kWh {measured}"), BERLIN)
    assert [line.element for line in charge.lines] == elements


def test_a_period_across_a_boundary_of_current_is_priced_by_its_mean() -> None:
    found = tariff(
        element("ENERGY 0.1", max_current=Decimal(32)),
        element("ENERGY 0.2", min_current=Decimal(32)),
    )
    use = periods((0, {"MIN_CURRENT": "10", "MAX_CURRENT": "50"}), (60, {"MAX_CURRENT": "60"}))
    assert [line.element for line in price(found, use, BERLIN).lines] == [0, 1]


def test_dimensions_nobody_prices_cost_nothing() -> None:
    only_parking = tariff(element("PARKING_TIME 2"))
    assert (
        price(only_parking, used("2026-03-02T09:00", "charging 60 min 20 kWh"), BERLIN).lines == ()
    )


RESERVED = tariff(
    element("FLAT 1", "TIME 6 /60", reservation="RESERVATION_EXPIRES"),
    element("FLAT 2", "TIME 3 /600", reservation="RESERVATION"),
    element("FLAT 0.5", "ENERGY 0.25"),
)


def test_a_reservation_that_is_used_and_one_that_is_not() -> None:
    came = price(
        RESERVED, used("2026-03-02T09:00", "reserved 22 min", "charging 60 min 20 kWh"), BERLIN
    )
    assert lines(came) == [
        "RESERVATION_FLAT@1 1 session x 2 = 200 + 0",
        "RESERVATION_TIME@1 1/2 h x 3 = 150 + 0",
        "FLAT@2 1 session x 1/2 = 50 + 0",
        "ENERGY@2 20 kWh x 1/4 = 500 + 0",
    ]
    missed = price(RESERVED, used("2026-03-02T09:00", "reserved 22 min"), BERLIN)
    assert lines(missed) == [
        "RESERVATION_FLAT@1 1 session x 2 = 200 + 0",
        "RESERVATION_FLAT@0 1 session x 1 = 100 + 0",
        "RESERVATION_TIME@0 11/30 h x 6 = 220 + 0",  # 22 minutes, by the minute
    ]
    assert missed.lines[1].description == "Reservation fee of a reservation not used"


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        # 25 + 10 minutes are 35, billed as 45: ten more at the last price.
        (["charging 35 min"], ["TIME@0 5/12 h", "TIME@1 1/3 h"]),
        # Parking comes last, so it is rounded and charging is not.
        (["charging 35 min", "parking 1 min"],
         ["TIME@0 5/12 h", "TIME@1 1/6 h", "PARKING_TIME@1 1/4 h"]),
        # Charging again afterwards: charging is rounded, parking is not.
        (["charging 10 min", "parking 10 min", "charging 3 min"],
         ["TIME@0 1/2 h", "PARKING_TIME@0 1/6 h"]),
    ],
)  # fmt: skip
def test_whole_steps_once_a_session_on_the_last_price(use: list[str], expected: list[str]) -> None:
    found = tariff(
        element("TIME 1.2 /1800", "PARKING_TIME 1 /900", window="00:00-17:00"),
        element("TIME 2.4 /900", "PARKING_TIME 1 /900"),
    )
    charge = price(found, used("2026-03-02T16:35", *use), BERLIN)
    assert [line.split(" x ")[0] for line in lines(charge)] == expected


def test_taxes_are_a_list() -> None:
    per_kwh = flat_tariff_document(
        "t", "USD", Decimal("0.40"), (Tax("State", Decimal("6.25")), Tax("City", Decimal(2)))
    )
    charge = price(tariff_of(per_kwh), session(10_000, timedelta(hours=1)), BERLIN)
    assert charge.lines[0].taxes == (Tax("City", Decimal(2)), Tax("State", Decimal("6.25")))
    assert charge.tax == Fraction("0.33")  # 8.25 % of 4.00


def test_compiled_tariffs_are_told_apart() -> None:
    """The cache knows tariffs by what they say, not by their name."""
    cheap, dear = (tariff(element(f"ENERGY {amount}")) for amount in ("0.1", "0.2"))
    assert isinstance(cheap, Tariff)
    assert cheap.id == dear.id
    use = session(10_000, timedelta(hours=1))
    assert [price(one, use, BERLIN).amount_minor for one in (cheap, dear, cheap)] == [100, 200, 100]
