"""Whatever JSON comes as a tariff and whatever a platform meters: a charge, or a typed refusal."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from coop.charging.domain.pricing import price
from coop.charging.domain.session import Dimension, MeteredPeriod
from coop.charging.domain.tariff import canonical_tariff, parse_tariff, read_tariff, tariff_of
from coop.charging.domain.tariff_checks import require_complete
from coop.charging.errors import TariffInvalid
from coop.kernel.errors import InvalidValue

from .pricing_sample import BERLIN, bound, document, element
from .test_plausibility import START, session
from .test_pricing_properties import documents

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["ENERGY", "24:00", "2026-02-30", "MONDAY", -1, 0, 10**30, "\0", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
WHOLE = document(
    element("ENERGY 0.25 +10% /100", "FLAT 1", days="sa su", window="22:00-06:00",
            start_date="2026-01-01", end_date="2027-01-01", min_kwh=5, max_kwh=50, min_current=6,
            max_current=32, min_power=1, max_power=22, min_duration=0, max_duration=3600),
    element("FLAT 2", "TIME 1", reservation="RESERVATION"),
    {"price_components": [{"type": "TIME", "price": Decimal(1), "step_size": Decimal(1),
                           "taxes": [{"name": "VAT", "percent": "20"}]}]},
    min_price=bound("0.5", "0.6"), max_price=bound("10", "12"), idle_grace_minutes=Decimal(7),
    start_date_time="2026-01-01T00:00:00Z",
)  # fmt: skip


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything in a document."""
    found = [at] if at else []
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return found + [path for key, one in inner for path in places(one, (*at, key))]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(places(WHOLE)), JSON)
@example(("id",), "\ud800")
@example(("elements", 0, "price_components", 0, "price"), 10**30)
def test_any_value_in_any_place_of_a_tariff(path: tuple[Any, ...], value: Any) -> None:
    stated = copy.deepcopy(WHOLE)
    holder: Any = stated
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    text = json.dumps(stated, default=float)
    try:
        found = read_tariff(text)
    except TariffInvalid:
        return
    assert read_tariff(canonical_tariff(parse_tariff(text))) == found
    canonical_tariff(parse_tariff(text)).encode()
    with suppress(TariffInvalid):
        require_complete(found)
    price(found, session(12_340, timedelta(hours=2)), BERLIN)


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_any_json_as_a_tariff(value: Any) -> None:
    with suppress(TariffInvalid):
        tariff_of(parse_tariff(json.dumps(value)))


VOLUMES = st.decimals(-100, 100, places=3) | st.sampled_from(
    [Decimal(0), Decimal("1e-18"), Decimal(10**15)]
)
KINDS = st.sampled_from(
    ["ENERGY", "TIME", "PARKING_TIME", "RESERVATION_TIME", "MIN_CURRENT", "MAX_CURRENT", "POWER"]
)
PERIODS = st.lists(
    st.tuples(st.integers(-10, 300), st.lists(st.tuples(KINDS, VOLUMES), max_size=4)), max_size=4
)


@settings(max_examples=300, deadline=None)
@given(documents(), PERIODS, st.integers(0, 100_000), st.integers(0, 240))
def test_whatever_was_metered_the_energy_is_what_was_delivered(
    stated: dict[str, Any],
    metered: list[tuple[int, list[tuple[str, Decimal]]]],
    delivered_wh: int,
    minutes: int,
) -> None:
    """Periods out of the session, of no time, fed back, of nothing: pricing stands what it is told."""
    for one in stated["elements"]:
        for component in one["price_components"]:
            component["step_size"] = Decimal(0)
    stated["elements"].append(element("ENERGY 1 /0"))
    periods = tuple(
        MeteredPeriod(
            START + timedelta(minutes=minute),
            tuple(Dimension(kind, volume) for kind, volume in dimensions),
        )
        for minute, dimensions in sorted(metered, key=lambda one: one[0])
    )
    use = session(delivered_wh, timedelta(minutes=minutes), periods=periods)
    try:
        charge = price(tariff_of(stated), use, BERLIN)
    except InvalidValue:  # hours beyond what the books can hold
        return
    priced = sum(line.quantity for line in charge.lines if line.kind == "ENERGY")
    assert priced == Fraction(delivered_wh, 1000)
