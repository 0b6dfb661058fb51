"""What holds of every price, and that a second implementation comes to the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from coop.charging.domain.pricing import Charge, Pause, price
from coop.charging.domain.session import ChargingSession, Dimension, MeteredPeriod
from coop.charging.domain.tariff import tariff_of
from coop.kernel.rate import round_half_up

from .pricing_oracle import Segment, simulated
from .pricing_sample import BERLIN, document
from .test_plausibility import session

ZONES = [BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")]
# Around both changes of the clock, a leap day, and the end of a year.
DAYS = ["2026-03-28", "2026-10-24", "2026-11-01", "2028-02-28", "2025-12-31", "2026-06-15"]
PRICES = st.decimals(0, 3, places=3)
TIMES = st.integers(0, 95).map(lambda quarter: f"{quarter // 4:02}:{quarter % 4 * 15:02}")
WEEKDAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]


@st.composite
def components(draw: st.DrawFn) -> list[dict[str, Any]]:
    kinds = draw(st.lists(st.sampled_from(["ENERGY", "TIME", "PARKING_TIME", "FLAT"]),
                          min_size=1, max_size=4, unique=True))  # fmt: skip
    return [
        {
            "type": kind,
            "price": draw(PRICES),
            "step_size": Decimal(draw(st.sampled_from([0, 1, 60, 300, 900]))),
            "vat": Decimal(draw(st.sampled_from([0, 10, 20]))),
        }
        for kind in kinds
    ]


@st.composite
def restrictions(draw: st.DrawFn, *, by_kwh: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if draw(st.booleans()):
        start, end = draw(st.lists(TIMES, min_size=2, max_size=2, unique=True))
        found |= {"start_time": start, "end_time": end}
    if draw(st.booleans()):
        found["day_of_week"] = draw(st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True))
    if draw(st.booleans()):
        found["max_current"] = Decimal(32)
    if draw(st.booleans()):
        found["max_duration"] = Decimal(60 * draw(st.integers(1, 300)))
    if by_kwh and draw(st.booleans()):
        found["max_kwh"] = draw(st.decimals("0.1", 30, places=1))
    return found


@st.composite
def documents(draw: st.DrawFn, *, by_kwh: bool = True) -> dict[str, Any]:
    elements = []
    for _ in range(draw(st.integers(1, 4))):
        stated = draw(restrictions(by_kwh=by_kwh)) if draw(st.booleans()) else {}
        one = {"price_components": draw(components())}
        elements.append(one | ({"restrictions": stated} if stated else {}))
    return document(*elements)


SEGMENTS: st.SearchStrategy[list[Segment]] = st.lists(
    st.tuples(
        st.sampled_from(["TIME", "TIME", "PARKING_TIME"]),
        st.integers(1, 400),
        st.integers(0, 30_000),
        st.sampled_from([10, 31, 32, 63]),
    ).map(lambda one: one if one[0] == "TIME" else (one[0], one[1], 0, 0)),
    min_size=1,
    max_size=3,
)
STARTS = st.tuples(st.sampled_from(DAYS), st.integers(0, 2000)).map(
    lambda one: datetime.fromisoformat(one[0]).replace(tzinfo=UTC) + timedelta(minutes=one[1])
)


def use_of(start: datetime, segments: list[Segment]) -> ChargingSession:
    at, periods = start, []
    for kind, minutes, wh, ampere in segments:
        dimensions = [Dimension(kind, round(Decimal(minutes) / 60, 3))]
        dimensions.append(Dimension("ENERGY", Decimal(wh) / 1000))
        if ampere:
            dimensions.append(Dimension("MAX_CURRENT", Decimal(ampere)))
        periods.append(MeteredPeriod(at, tuple(dimensions)))
        at += timedelta(minutes=minutes)
    wh = sum(one[2] for one in segments)
    return session(wh, at - start, started_at=start, ended_at=at, periods=tuple(periods))


@settings(max_examples=150, deadline=None)
@given(documents(by_kwh=False), STARTS, SEGMENTS, st.sampled_from(ZONES))
def test_minute_by_minute_comes_to_the_same(
    stated: dict[str, Any], start: datetime, segments: list[Segment], zone: ZoneInfo
) -> None:
    charge = price(tariff_of(stated), use_of(start, segments), zone)
    assert charge.before_tax == simulated(stated, start, segments, zone)


@settings(deadline=None)
@given(documents(), STARTS, SEGMENTS, st.data())
def test_cutting_a_period_in_two_never_changes_the_price(
    stated: dict[str, Any], start: datetime, segments: list[Segment], data: st.DataObject
) -> None:
    """Cut where minutes and watt-hours are whole, which is where a platform can cut."""
    position = data.draw(st.integers(0, len(segments) - 1))
    kind, minutes, wh, ampere = segments[position]
    # In proportion, so that the energy of either part is what it was in that time.
    minutes, wh = 2 * minutes, 2 * wh
    one: Segment = (kind, minutes, wh, ampere)
    half: Segment = (kind, minutes // 2, wh // 2, ampere)
    whole = price(
        tariff_of(stated),
        use_of(start, [*segments[:position], one, *segments[position + 1 :]]),
        BERLIN,
    )
    cut = price(
        tariff_of(stated),
        use_of(start, [*segments[:position], half, half, *segments[position + 1 :]]),
        BERLIN,
    )
    assert cut == whole


def rounding(charge: Charge) -> Fraction:
    """What rounding each line may have moved."""
    return Fraction(len(charge.lines), 200)


@settings(deadline=None)
@given(documents(), STARTS, SEGMENTS)
def test_lines_are_the_charge(
    stated: dict[str, Any], start: datetime, segments: list[Segment]
) -> None:
    charge = price(tariff_of(stated), use_of(start, segments), BERLIN)
    assert charge.amount_minor == sum(line.amount_minor for line in charge.lines)
    exact = [line.quantity * line.unit_price for line in charge.lines]
    assert sum(exact) == charge.before_tax
    assert [line.amount_minor for line in charge.lines] == [
        round_half_up(one * 100) for one in exact
    ]
    assert abs(Fraction(charge.amount_minor, 100) - charge.before_tax) <= rounding(charge)
    for line in charge.lines:
        percent = sum(Fraction(tax.percent) for tax in line.taxes)
        assert line.tax == Fraction(line.amount_minor, 100) * percent / 100
        assert line.element is not None


@settings(deadline=None)
@given(documents(), STARTS, SEGMENTS)
def test_energy_is_conserved(
    stated: dict[str, Any], start: datetime, segments: list[Segment]
) -> None:
    """Whatever the restrictions: with a price for the rest, every watt-hour is priced once."""
    for one in stated["elements"]:
        for component in one["price_components"]:
            component["step_size"] = Decimal(0)
    rest = {"price_components": [{"type": "ENERGY", "price": Decimal(1), "step_size": Decimal(0)}]}
    stated["elements"].append(rest)
    use = use_of(start, segments)
    charge = price(tariff_of(stated), use, BERLIN)
    priced = sum(line.quantity for line in charge.lines if line.kind == "ENERGY")
    assert priced == Fraction(use.delivered_wh, 1000)


@settings(deadline=None)
@given(documents(), STARTS, SEGMENTS)
def test_prices_of_nothing_cost_nothing(
    stated: dict[str, Any], start: datetime, segments: list[Segment]
) -> None:
    for one in stated["elements"]:
        for component in one["price_components"]:
            component["price"] = Decimal(0)
    charge = price(tariff_of(stated), use_of(start, segments), BERLIN)
    assert (charge.amount_minor, charge.before_tax, charge.after_tax, charge.tax) == (0, 0, 0, 0)


@settings(deadline=None)
@given(documents(), STARTS, SEGMENTS, st.integers(0, 5000))
def test_more_energy_never_costs_less(
    stated: dict[str, Any], start: datetime, segments: list[Segment], more_wh: int
) -> None:
    """Of prices that do not ask how much was delivered before: then less may come at a dear one.

    And without blocks: what is free fills one that would be filled up at a dear price.
    """
    for one in stated["elements"]:
        one.get("restrictions", {}).pop("max_kwh", None)
        one["restrictions"] = one.get("restrictions") or None
        for component in one["price_components"]:
            component["step_size"] = 0
    kind, minutes, wh, ampere = segments[0]
    fuller = [(kind, minutes, wh + more_wh, ampere), *segments[1:]]
    found = tariff_of(stated)
    less, more = (price(found, use_of(start, one), BERLIN) for one in (segments, fuller))
    assert less.before_tax <= more.before_tax


@settings(deadline=None)
@given(STARTS, SEGMENTS, st.integers(0, 600), st.integers(0, 600), st.integers(0, 60))
def test_pauses_and_grace_only_ever_take_away(
    start: datetime, segments: list[Segment], begin: int, length: int, grace: int
) -> None:
    idle = {"type": "PARKING_TIME", "price": Decimal(6), "step_size": Decimal(60)}
    stated = document({"price_components": [idle]}, idle_grace_minutes=Decimal(grace))
    use, found = use_of(start, segments), tariff_of(stated)
    paused = Pause(start + timedelta(minutes=begin), start + timedelta(minutes=begin + length))
    plain = price(tariff_of(document({"price_components": [idle]})), use, BERLIN).before_tax
    graced = price(found, use, BERLIN).before_tax
    held = price(found, use, BERLIN, [paused]).before_tax
    parked = sum(minutes for kind, minutes, _, _ in segments if kind == "PARKING_TIME")
    assert plain == Fraction(parked, 10)
    assert graced == Fraction(max(parked - grace, 0), 10)
    assert held <= graced
    whole = Pause(start, use.ended_at)
    assert price(found, use, BERLIN, [whole]).before_tax == 0


BOUNDS = st.tuples(
    st.integers(0, 3000), st.none() | st.integers(0, 900), st.integers(0, 4000),
    st.none() | st.integers(0, 900),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(documents(), STARTS, SEGMENTS, BOUNDS)
def test_a_charge_keeps_within_its_bounds(
    stated: dict[str, Any], start: datetime, segments: list[Segment], cents: tuple[Any, ...]
) -> None:
    """The books keep the bounds to the cent, and say what the tariff says before and after taxes."""
    low, low_tax, more, high_tax = cents
    high = low + more
    bounds = {}
    for name, net, tax in (("min_price", low, low_tax), ("max_price", high, high_tax)):
        gross = {} if tax is None else {"incl_vat": Decimal(net + tax + (tax and low)) / 100}
        bounds[name] = {"excl_vat": Decimal(net) / 100} | gross
    least, most = (bounds[name].get("incl_vat") for name in ("min_price", "max_price"))
    if least is not None and most is not None and least > most:
        bounds["max_price"]["incl_vat"] = least
        most = least
    unbounded = price(tariff_of(stated), use_of(start, segments), BERLIN)
    charge = price(tariff_of(stated | bounds), use_of(start, segments), BERLIN)
    assert low <= charge.amount_minor <= high
    gross = Fraction(charge.amount_minor, 100) + charge.tax
    assert least is None or gross >= least
    assert most is None or gross <= most
    if charge.before_tax != unbounded.before_tax:
        assert charge.amount_minor == round_half_up(charge.before_tax * 100)
    if charge.after_tax in {least, most} and charge.after_tax != unbounded.after_tax:
        assert gross == charge.after_tax
    assert charge.lines[: len(unbounded.lines)] == unbounded.lines
    assert {line.kind for line in charge.lines[len(unbounded.lines) :]} <= {
        "MIN_PRICE",
        "MAX_PRICE",
    }
