"""Reading tariffs: the specification's own, both extensions, and what is refused by which field."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from coop.charging.domain.tariff import (
    Bound,
    Tax,
    canonical_tariff,
    flat_tariff_document,
    parse_tariff,
    read_tariff,
    tariff_of,
)
from coop.charging.domain.tariff_restrictions import Restrictions
from coop.charging.errors import TariffInvalid
from tests.conftest import shared_data

from .pricing_sample import bound, document, element

EXAMPLES = "ocpi/2.2.1/examples"


def test_every_tariff_of_the_specification_is_read() -> None:
    paths = sorted(shared_data(EXAMPLES).glob("tariff*.json"))
    assert len(paths) == 20
    for path in paths:
        found = read_tariff(path.read_bytes(), "EUR")
        assert found.elements, path.name
        # The canonical text says the same, and again the same.
        text = canonical_tariff(parse_tariff(path.read_bytes()))
        assert read_tariff(text) == found, path.name
        assert canonical_tariff(parse_tariff(text)) == text, path.name


def test_what_a_tariff_says() -> None:
    found = tariff_of(
        document(
            element("ENERGY 0.25 +10% /100", "FLAT 1", days="sa su", window="22:00-00:00",
                    start_date="2026-01-01", end_date="2027-01-01", min_kwh=5, max_kwh=50,
                    min_current=6, max_current=32, min_power=1, max_power=22, min_duration=0,
                    max_duration=3600),
            min_price=bound("0.5"), max_price=bound("10", "11"), idle_grace_minutes=Decimal("7.5"),
            start_date_time="2026-01-01T00:00:00Z", end_date_time="2026-12-31T23:59:59Z",
        ),
        "EUR",
    )  # fmt: skip
    (one,) = found.elements
    assert one.components[0].taxes == (Tax("VAT", Decimal(10)),)
    assert (one.components[0].step_size, one.components[1].taxes) == (100, ())
    assert one.restrictions == Restrictions(
        22 * 60, 1440, date(2026, 1, 1), date(2027, 1, 1), Decimal(5), Decimal(50), Decimal(6),
        Decimal(32), Decimal(1), Decimal(22), 0, 3600, frozenset({5, 6}),
    )  # fmt: skip
    assert (found.min_price, found.max_price) == (
        Bound(Decimal("0.5"), None),
        Bound(Decimal(10), Decimal(11)),
    )
    assert (found.starts_at, found.ends_at) == (
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC),
    )
    assert found.idle_grace_s == 450


@pytest.mark.parametrize(
    "stated",
    [
        {},
        {"start_time": "00:00", "end_time": "00:00"},
        {"start_time": None, "day_of_week": []},
        {
            "day_of_week": [
                "MONDAY",
                "TUESDAY",
                "WEDNESDAY",
                "THURSDAY",
                "FRIDAY",
                "SATURDAY",
                "SUNDAY",
            ]
        },
    ],
)
def test_what_restricts_nothing_is_none(stated: dict[str, Any]) -> None:
    assert (
        tariff_of(document(element("ENERGY 1") | {"restrictions": stated})).elements[0].restrictions
        is None
    )


def component(**changes: Any) -> dict[str, Any]:
    plain = {"type": "ENERGY", "price": Decimal("0.25"), "step_size": Decimal(1)}
    found = {name: value for name, value in (plain | changes).items() if value is not None}
    return document({"price_components": [found]})


def restricted(**stated: Any) -> dict[str, Any]:
    return document(element("ENERGY 1") | {"restrictions": stated})


AT = "elements.0.price_components.0"
UNDER = "elements.0.restrictions"


@pytest.mark.parametrize(
    ("stated", "code", "path"),
    [
        ("tariff", "INVALID", ""),
        ([], "INVALID", ""),
        ({"id": "T", "currency": "EUR"}, "INVALID", "elements"),
        (document(), "INVALID", "elements"),
        (document(*[element("ENERGY 1")] * 201), "INVALID", "elements"),
        (document(element("ENERGY 1"), id=None), "INVALID", "id"),
        (document(element("ENERGY 1"), currency=None), "INVALID", "currency"),
        (document(element("ENERGY 1"), currency="EURO"), "INVALID", "currency"),
        (document(element("ENERGY 1"), currency="XXX"), "CURRENCY", "currency"),
        (document(element("ENERGY 1"), currency="USD"), "CURRENCY", "currency"),
        (document(element("ENERGY 1"), start_date_time="soon"), "INVALID", "start_date_time"),
        (document(element("ENERGY 1"), idle_grace_minutes=Decimal(-1)), "INVALID", "idle_grace_minutes"),
        (document(element("ENERGY 1"), idle_grace_minutes=Decimal("0.001")), "INVALID", "idle_grace_minutes"),
        (document(element("ENERGY 1"), idle_grace_minutes=Decimal(10081)), "INVALID", "idle_grace_minutes"),
        (document({"price_components": []}), "INVALID", "elements.0.price_components"),
        (document(element("ENERGY 1", "ENERGY 2")), "OVERLAP", "elements.0.price_components.1.type"),
        (component(type="HEAT"), "COMPONENT_UNKNOWN", f"{AT}.type"),
        (component(type=None), "INVALID", f"{AT}.type"),
        (component(price=None), "INVALID", f"{AT}.price"),
        (component(price="0.25"), "INVALID", f"{AT}.price"),
        (component(price=0.25), "INVALID", ""),
        (component(price=Decimal("-0.01")), "PRICE_NEGATIVE", f"{AT}.price"),
        (component(price=Decimal("NaN")), "INVALID", f"{AT}.price"),
        (component(price=Decimal("1e99")), "INVALID", f"{AT}.price"),
        (component(step_size=None), "INVALID", f"{AT}.step_size"),
        (component(step_size=Decimal(-1)), "STEP_SIZE", f"{AT}.step_size"),
        (component(step_size=Decimal("0.5")), "STEP_SIZE", f"{AT}.step_size"),
        (component(step_size=Decimal(1_000_001)), "STEP_SIZE", f"{AT}.step_size"),
        (component(type="TIME", step_size=Decimal(86_401)), "STEP_SIZE", f"{AT}.step_size"),
        (component(vat=Decimal(-1)), "TAX", f"{AT}.vat"),
        (component(vat=Decimal("100.1")), "TAX", f"{AT}.vat"),
        (component(vat=True), "INVALID", f"{AT}.vat"),
        (component(vat=Decimal(20), taxes=[]), "TAX", f"{AT}.taxes"),
        (component(taxes={}), "INVALID", f"{AT}.taxes"),
        (component(taxes=[{"name": "VAT"}]), "INVALID", f"{AT}.taxes.0.percent"),
        (component(taxes=[{"name": "", "percent": "20"}]), "INVALID", f"{AT}.taxes.0.name"),
        (component(taxes=[{"name": "VAT", "percent": "much"}]), "TAX", f"{AT}.taxes.0.percent"),
        (component(taxes=[{"name": "VAT", "percent": "120"}]), "TAX", f"{AT}.taxes.0.percent"),
        (component(taxes=[{"name": "VAT", "percent": "1"}] * 2), "TAX", f"{AT}.taxes"),
        (restricted(start_time="24:00"), "RESTRICTION", f"{UNDER}.start_time"),
        (restricted(start_time="9:00"), "RESTRICTION", f"{UNDER}.start_time"),
        (restricted(start_time=900), "INVALID", f"{UNDER}.start_time"),
        (restricted(start_time="10:00", end_time="10:00"), "RESTRICTION", f"{UNDER}.end_time"),
        (restricted(start_date="2026-02-30"), "RESTRICTION", f"{UNDER}.start_date"),
        (restricted(start_date="20260301"), "RESTRICTION", f"{UNDER}.start_date"),
        (restricted(start_date="2026-03-01", end_date="2026-03-01"), "RESTRICTION", f"{UNDER}.end_date"),
        (restricted(min_kwh=Decimal(10), max_kwh=Decimal(10)), "RESTRICTION", f"{UNDER}.max_kwh"),
        (restricted(min_power=Decimal(11), max_power=Decimal(3)), "RESTRICTION", f"{UNDER}.max_power"),
        (restricted(max_current=Decimal(0)), "RESTRICTION", f"{UNDER}.max_current"),
        (restricted(min_kwh=Decimal(-1)), "RESTRICTION", f"{UNDER}.min_kwh"),
        (restricted(min_duration=Decimal("0.5")), "RESTRICTION", f"{UNDER}.min_duration"),
        (restricted(day_of_week="MONDAY"), "RESTRICTION", f"{UNDER}.day_of_week"),
        (restricted(day_of_week=["MONDAY", "FREEDAY"]), "RESTRICTION", f"{UNDER}.day_of_week.1"),
        (restricted(reservation="MAYBE"), "RESTRICTION", f"{UNDER}.reservation"),
        (restricted(reservation="RESERVATION"), "COMPONENT_UNKNOWN", f"{AT}.type"),
        (restricted(max_temperature=Decimal(40)), "RESTRICTION", f"{UNDER}.max_temperature"),
        (document(element("ENERGY 1"), min_price=bound("-1")), "PRICE_NEGATIVE", "min_price.excl_vat"),
        (document(element("ENERGY 1"), max_price=bound("2", "1")), "PRICE_RANGE", "max_price.incl_vat"),
        (document(element("ENERGY 1"), min_price=bound("2"), max_price=bound("1")),
         "PRICE_RANGE", "min_price.excl_vat"),
        (document(element("ENERGY 1"), min_price=bound("1", "3"), max_price=bound("1", "2")),
         "PRICE_RANGE", "min_price.incl_vat"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_field(stated: object, code: str, path: str) -> None:
    with pytest.raises(TariffInvalid) as refused:
        tariff_of(stated, "EUR")
    assert (refused.value.code, ".".join(refused.value.path)) == (f"TARIFF_{code}", path)


@pytest.mark.parametrize("text", ["", "{", b"\xff", "[" * 9999, '{"a": 1} x'])
def test_what_is_not_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(TariffInvalid):
        read_tariff(text)


def test_a_key_written_twice_is_refused() -> None:
    text = json.dumps(document(element("ENERGY 1")), default=str).replace(
        '"price"', '"type": "FLAT", "price"'
    )
    with pytest.raises(TariffInvalid) as refused:
        read_tariff(text)
    assert refused.value.path == ("elements", "0", "price_components", "0", "type")


def test_the_flat_tariff_is_the_simplest_document() -> None:
    vat = (Tax("VAT", Decimal("20.00")),)
    made = flat_tariff_document("H1-2026", "EUR", Decimal("0.390"), vat)
    assert canonical_tariff(made) == (
        '{"currency":"EUR","elements":[{"price_components":[{"price":0.39,"step_size":1,'
        '"taxes":[{"name":"VAT","percent":"20"}],"type":"ENERGY"}]}],"id":"H1-2026"}'
    )
    assert tariff_of(made, "EUR").elements[0].components[0].taxes == (Tax("VAT", Decimal(20)),)


def test_the_canonical_text_is_exact_and_of_one_spelling() -> None:
    long = "0.123456789012345678"
    texts = [
        f'{{"id": "T", "price": {long}, "n": 2E+1, "z": -0.0, "day": "søndag"}}',
        f'{{"day":"s\\u00f8ndag","z":0,"n":20.0,  "price":{long}0, "id":"T"}}',
    ]
    found = {canonical_tariff(parse_tariff(text)) for text in texts}
    assert found == {f'{{"day":"søndag","id":"T","n":20,"price":{long},"z":0}}'}


@pytest.mark.parametrize(
    "text",
    ["[]", '{"a": NaN}', '{"a": 1, "a": 2}', '{"a": 1e999}', '{"a": 1e99999999999999999999}'],
)
def test_what_has_no_canonical_text_is_refused(text: str) -> None:
    with pytest.raises(TariffInvalid):
        canonical_tariff(parse_tariff(text))
