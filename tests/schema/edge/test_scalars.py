"""Every scalar: what it takes, what it refuses and how it says so, how it is written."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coop.schema.scalars import SCALARS
from tests.schema.edge.conftest import Client

pytestmark = pytest.mark.anyio

ARGUMENTS = {
    "decimal": "Decimal",
    "kwh": "KWh",
    "instant": "DateTime",
    "day": "Date",
    "key": "IdempotencyKey",
    "currency": "CurrencyCode",
    "json": "JSON",
}


def by_variable(name: str) -> str:
    return f"query($v: {ARGUMENTS[name]}) {{ echo({name}: $v) {{ {name} }} }}"


@pytest.mark.parametrize(
    ("name", "sent", "shown"),
    [
        ("decimal", "12345678901234567.89", "12345678901234567.89"),
        ("decimal", "-0.10", "-0.10"),
        ("decimal", "-0.00", "0.00"),
        ("decimal", "1000", "1000"),
        ("decimal", "0.000000000000000001", "0.000000000000000001"),
        ("kwh", "12.34", "12.340"),
        ("kwh", "7", "7.000"),
        ("kwh", "-0.001", "-0.001"),
        ("instant", "2026-03-01T12:00:00+01:00", "2026-03-01T11:00:00Z"),
        ("instant", "2026-03-01t12:00:00.123456z", "2026-03-01T12:00:00.123456Z"),
        ("instant", "2026-03-01T00:00:00-12:00", "2026-03-01T12:00:00Z"),
        ("day", "2028-02-29", "2028-02-29"),
        ("key", "x", "x"),
        ("key", "k" * 255, "k" * 255),
        ("key", "invoice 7, Åse", "invoice 7, Åse"),
        ("currency", "EUR", "EUR"),
        ("json", {"a": [1, "2.5", None, True]}, {"a": [1, "2.5", None, True]}),
        ("json", "text", "text"),
    ],
)
async def test_what_is_taken_comes_back_in_one_spelling(
    client: Client, name: str, sent: Any, shown: Any
) -> None:
    assert await client.data(by_variable(name), v=sent) == {"echo": {name: shown}}


REFUSED: list[tuple[str, Any]] = [
    ("decimal", 1),
    ("decimal", 12345678901234567.89),
    ("decimal", True),
    ("decimal", ["1"]),
    ("decimal", "NaN"),
    ("decimal", "sNaN"),
    ("decimal", "Infinity"),
    ("decimal", "1E+400"),
    ("decimal", "1e3"),
    ("decimal", " 1_000.5 "),
    ("decimal", "1_000"),
    ("decimal", "+1"),
    ("decimal", ".5"),
    ("decimal", "5."),
    ("decimal", "1,5"),
    ("decimal", ""),
    ("decimal", "١٢"),
    ("decimal", "1" * 31),
    ("kwh", 1.5),
    ("kwh", "1.0001"),
    ("kwh", "NaN"),
    ("instant", "2026"),
    ("instant", "2026-W01-1"),
    ("instant", "2026-03-01"),
    ("instant", "2026-03-01T12:00:00"),
    ("instant", "2026-03-01T12:00+01:00"),
    ("instant", "2026-03-01T12:00:00+0100"),
    ("instant", "2026-03-01T12:00:00.1234567Z"),
    ("instant", "2026-02-30T12:00:00Z"),
    ("instant", "2026-03-01T24:00:00Z"),
    ("instant", "2026-03-01T12:00:60Z"),
    ("instant", "0001-01-01T00:00:00+01:00"),
    ("instant", 1772362800),
    ("day", "2026-3-1"),
    ("day", "20260301"),
    ("day", "2026-02-29"),
    ("day", "2026-W01-1"),
    ("day", "2026-03-01T00:00:00Z"),
    ("day", 20260301),
    ("key", ""),
    ("key", "   "),
    ("key", "k" * 256),
    ("key", "a\nb"),
    ("key", "a\u0000b"),
    ("key", 7),
    ("currency", "eur"),
    ("currency", "EURO"),
    ("currency", 978),
    ("json", 1.5),
    ("json", {"weights": [0.1]}),
    ("json", 12345678901234567890123),
]


@pytest.mark.parametrize(("name", "sent"), REFUSED)
async def test_what_is_refused_is_a_request_error_that_names_the_scalar(
    client: Client, name: str, sent: Any
) -> None:
    response = await client.post(by_variable(name), variables={"v": sent})
    (error,) = response.json()["errors"]
    assert response.status_code == 400
    assert "data" not in response.json()
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    named = "U+0000" if isinstance(sent, str) and "\0" in sent else f"{ARGUMENTS[name]}:"
    assert named in error["message"]


@pytest.mark.parametrize(
    ("name", "literal"),
    [
        ("decimal", "12345678901234567.89"),
        ("decimal", "1"),
        ("decimal", "NaN"),
        ("decimal", '"NaN"'),
        ("decimal", "[1]"),
        ("kwh", "1.5"),
        ("instant", "2026"),
        ("day", "20260301"),
        ("key", "abc"),
        ("key", "7"),
        ("currency", "EUR"),
        ("json", "{a: 0.1}"),
    ],
)
async def test_literals_that_are_not_strings_are_refused(
    client: Client, name: str, literal: str
) -> None:
    error = await client.error(f"{{ echo({name}: {literal}) {{ {name} }} }}")
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert error["message"].startswith(f"{ARGUMENTS[name]}:")
    assert error["locations"][0]["line"] == 1


async def test_string_literals_and_json_with_variables_are_taken(client: Client) -> None:
    query = (
        'query($n: Int) { echo(decimal: "1.50", json: {a: [$n, "x"], b: ENUM}) { decimal json } }'
    )
    assert await client.data(query, n=3) == {
        "echo": {"decimal": "1.50", "json": {"a": [3, "x"], "b": "ENUM"}}
    }


async def test_json_has_a_bottom(client: Client) -> None:
    deep: Any = "x"
    for _ in range(33):
        deep = [deep]
    assert await client.data(by_variable("json"), v=deep[0]) == {"echo": {"json": deep[0]}}
    assert "32 levels" in (await client.error(by_variable("json"), v=deep))["message"]


async def test_money_keeps_its_currencys_decimals(client: Client) -> None:
    query = "query($m: MoneyInput) { echo(money: $m) { money { amount currency } } }"
    money = await client.data(query, m={"amount": "12.5", "currency": "EUR"})
    assert money == {"echo": {"money": {"amount": "12.50", "currency": "EUR"}}}
    error = await client.error(query, m={"amount": "12.505", "currency": "EUR"})
    assert error["extensions"] == {"code": "INVALID_VALUE", "inputPath": ["amount"]}


async def test_a_period_is_half_open_and_not_empty(client: Client) -> None:
    query = "query($p: DateRange) { echo(period: $p) { day } }"
    open_ended = [{"from": "2026-01-01", "to": "2026-02-01"}, {"from": "2026-01-01"}, {}]
    for period in open_ended:
        assert await client.data(query, p=period) == {"echo": {"day": None}}
    for period in (
        {"from": "2026-01-01", "to": "2026-01-01"},
        {"from": "2026-01-02", "to": "2026-01-01"},
    ):
        error = await client.error(query, p=period)
        assert error["extensions"] == {"code": "INVALID_VALUE", "inputPath": ["to"]}


@pytest.mark.parametrize("field", ["naive", "uneven"])
async def test_a_value_we_should_never_show_is_our_bug(client: Client, field: str) -> None:
    error = await client.error(f"{{ {field} }}")
    assert error["extensions"]["code"] == "INTERNAL"


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=6, min_value=-(10**20), max_value=10**20
    )
)
async def test_every_exact_number_survives_the_round_trip(number: Decimal) -> None:
    scalar = SCALARS[Decimal]
    assert scalar.serialize is not None
    assert scalar.parse_value is not None
    written = scalar.serialize(number)
    assert scalar.parse_value(written) == number
    assert "E" not in written
