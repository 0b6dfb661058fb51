"""Which tariffs may be adopted: no holes, and no price that never counts."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings

from coop.charging.domain.pricing import price
from coop.charging.domain.tariff import tariff_of
from coop.charging.domain.tariff_checks import require_complete
from coop.charging.errors import TariffInvalid, TariffOverlap

from .pricing_sample import BERLIN, document, element
from .test_pricing_properties import SEGMENTS, STARTS, Segment, documents, use_of

DAY, NIGHT = {"window": "06:00-22:00"}, {"window": "22:00-06:00"}


@pytest.mark.parametrize(
    "elements",
    [
        [element("ENERGY 0.3")],
        [element("FLAT 5")],  # paid by the session
        [element("ENERGY 0")],  # free, and says so
        [element("ENERGY 0.3", **DAY), element("ENERGY 0.1", **NIGHT)],
        [element("ENERGY 0.3", **DAY), element("ENERGY 0.1")],
        [element("ENERGY 0.3", "PARKING_TIME 5", **DAY), element("ENERGY 0.1")],  # parks free
        [element("ENERGY 0.3", days="mo-fr"), element("ENERGY 0.1", days="sa su")],
        [element("ENERGY 0.3", days="mo-fr", **DAY), element("ENERGY 0.2", **NIGHT),
         element("ENERGY 0.1", days="sa su")],
        [element("ENERGY 0.3", max_kwh=10), element("ENERGY 0.2", min_kwh=10)],
        [element("TIME 1", max_current=32), element("TIME 2", min_current=32)],
        [element("ENERGY 1", max_power=11), element("ENERGY 2", min_power=11, max_power=50),
         element("ENERGY 3", min_power=50)],
        [element("TIME 0", max_duration=1800), element("TIME 6", min_duration=1800)],
        [element("ENERGY 1", end_date="2026-07-01"), element("ENERGY 2", start_date="2026-07-01")],
        # One day is a Wednesday, and no other day of the week.
        [element("ENERGY 1", end_date="2026-07-01"), element("ENERGY 2", start_date="2026-07-02"),
         element("ENERGY 3", days="we")],
        [element("FLAT 1", reservation="RESERVATION"), element("FLAT 2", reservation="RESERVATION_EXPIRES"),
         element("ENERGY 1")],
    ],
)  # fmt: skip
def test_what_prices_every_case_is_complete(elements: list[dict[str, Any]]) -> None:
    require_complete(tariff_of(document(*elements)))


@pytest.mark.parametrize(
    ("elements", "words"),
    [
        ([element("PARKING_TIME 5")], "It prices neither ENERGY nor TIME nor sessions"),
        ([element("FLAT 1", reservation="RESERVATION")], "It prices neither"),
        ([element("FLAT 5", **DAY)], "Start fee, 00:00–06:00"),
        ([element("ENERGY 0.3", **DAY)], "Energy, 00:00–06:00"),
        ([element("ENERGY 0.3", **NIGHT)], "Energy, 06:00–22:00"),
        ([element("ENERGY 0.3", days="mo-fr")], "Energy, Saturday and Sunday"),
        ([element("ENERGY 0.3"), element("TIME 1", **DAY)], "Charging time, 00:00–06:00"),
        # Both are paid by, so both have a price always: at night, TIME says nothing.
        ([element("ENERGY 0.3", **DAY), element("TIME 1", **NIGHT)], "Energy, 00:00–06:00"),
        ([element("ENERGY 0.3", days="mo-fr", **DAY), element("ENERGY 0.1", days="sa su")],
         "Energy, Monday to Friday, 00:00–06:00"),
        ([element("ENERGY 0.3", max_kwh=10), element("ENERGY 0.2", min_kwh=11)],
         "Energy, from 10 kWh below 11 kWh"),
        ([element("ENERGY 0.3", max_power=11)], "Energy, from 11 kW"),
        ([element("TIME 1", min_current=6)], "Charging time, below 6 A"),
        ([element("TIME 1", max_duration=5400)], "Charging time, from 90 min"),
        ([element("ENERGY 1", start_date="2026-07-01")], "Energy, before 2026-07-01"),
        ([element("ENERGY 1", end_date="2026-07-01")], "Energy, from 2026-07-01"),
        ([element("ENERGY 1", start_date="2026-07-01", end_date="2026-08-01"),
          element("ENERGY 2", days="mo", **DAY), element("ENERGY 3", days="tu-su")],
         "Energy, Monday, before 2026-07-01, 00:00–06:00"),
    ],
)  # fmt: skip
def test_a_hole_is_refused_and_named(elements: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(TariffInvalid) as refused:
        require_complete(tariff_of(document(*elements)))
    assert (refused.value.code, refused.value.path) == ("TARIFF_HOLE", ("elements",))
    assert words in refused.value.message


@pytest.mark.parametrize(
    ("elements", "path"),
    [
        ([element("ENERGY 1"), element("ENERGY 2")], "1.price_components.0"),
        ([element("ENERGY 1"), element("TIME 1", "ENERGY 2", **DAY)], "1.price_components.1"),
        ([element("ENERGY 1", **DAY), element("ENERGY 2", window="07:00-09:00"), element("ENERGY 3")],
         "1.price_components.0"),
        ([element("ENERGY 1", **DAY), element("ENERGY 2", **NIGHT), element("ENERGY 3")],
         "2.price_components.0"),
        ([element("ENERGY 1", days="mo-we"), element("ENERGY 2", days="th-su"),
          element("ENERGY 3", min_kwh=50)], "2.price_components.0"),
        ([element("ENERGY 1"), element("PARKING_TIME 1"), element("PARKING_TIME 2", **DAY)],
         "2.price_components.0"),
        ([element("ENERGY 1"), *[element("FLAT 1", reservation="RESERVATION")] * 2],
         "2.price_components.0"),
        ([element("ENERGY 1", days="th", start_date="2026-07-01", end_date="2026-07-02"),
          element("ENERGY 2")], "0.price_components.0"),  # it is a Wednesday
    ],
)  # fmt: skip
def test_a_price_that_never_counts_is_refused(elements: list[dict[str, Any]], path: str) -> None:
    with pytest.raises(TariffInvalid) as refused:
        require_complete(tariff_of(document(*elements)))
    assert refused.value.code == "TARIFF_OVERLAP"
    assert ".".join(refused.value.path) == f"elements.{path}"


def test_a_version_neither_ends_by_itself_nor_begins_late() -> None:
    at = datetime(2026, 7, 1, tzinfo=UTC)
    ends = document(element("ENERGY 1"), end_date_time="2026-12-31T00:00:00Z")
    late = document(element("ENERGY 1"), start_date_time="2026-07-01T00:00:01Z")
    for stated, path in ((ends, "end_date_time"), (late, "start_date_time")):
        with pytest.raises(TariffInvalid) as refused:
            require_complete(tariff_of(stated), at)
        assert (refused.value.code, refused.value.path) == ("TARIFF_HOLE", (path,))
    require_complete(tariff_of(late))


def test_days_before_it_is_in_force_do_not_matter() -> None:
    found = tariff_of(document(element("ENERGY 1", start_date="2026-07-01")))
    require_complete(found, datetime(2026, 7, 2, tzinfo=UTC))
    with pytest.raises(TariffInvalid):  # July has not begun everywhere
        require_complete(found, datetime(2026, 7, 1, tzinfo=UTC))


def test_restrictions_across_each_other_beyond_reason_are_refused() -> None:
    """Staircases on six axes, none of which covers another."""
    elements = [
        element("ENERGY 1", min_kwh=i, max_kwh=i + 1, min_power=200 - i, max_power=201 - i,
                min_current=i * 7 % 200, max_current=i * 7 % 200 + 1,
                min_duration=i * 11 % 200, max_duration=i * 11 % 200 + 1, days="mo we fr",
                window=f"{i % 23:02}:00-{i % 23 + 1:02}:00")
        for i in range(190)
    ]  # fmt: skip
    with pytest.raises(TariffInvalid) as refused:
        require_complete(tariff_of(document(*elements)))
    assert refused.value.code in {"TARIFF_HOLE", "TARIFF_TOO_COMPLEX"}


@settings(max_examples=200, deadline=None)
@given(documents(), STARTS, SEGMENTS)
def test_of_a_complete_tariff_every_watt_hour_and_minute_has_a_price(
    stated: dict[str, Any], start: datetime, segments: list[Segment]
) -> None:
    """The check and the pricing agree, whichever tariff passes the check."""
    for one in stated["elements"]:
        for component in one["price_components"]:
            component["step_size"] = Decimal(0)
    stated["elements"].append(element("FLAT 0"))
    found = tariff_of(stated)
    try:
        require_complete(found)
    except TariffOverlap:
        return
    except TariffInvalid:
        return
    use = use_of(start, segments)
    kinds = {component.kind for one in found.elements for component in one.components}
    charge = price(found, use, BERLIN)
    for kind, wanted in (
        ("ENERGY", Decimal(use.delivered_wh) / 1000),
        ("TIME", sum(minutes for name, minutes, _, _ in segments if name == "TIME")),
    ):
        if kind in kinds:
            priced = sum(line.quantity for line in charge.lines if line.kind == kind)
            assert priced * (60 if kind == "TIME" else 1) == wanted
