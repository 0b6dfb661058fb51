"""The scalars and small values of the API: exact, strict going in, one spelling going out.

A scalar takes JSON strings and string literals only, so that no number ever passes through binary
floating point, here or in a client. `SCALARS` goes into `StrawberryConfig(scalar_map=SCALARS)`;
fields are annotated with the Python types: decimal.Decimal, datetime.datetime, datetime.date, KWh,
IdempotencyKey, CurrencyCode and strawberry.scalars.JSON.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, NewType, Self

import strawberry
from graphql import GraphQLError, StringValueNode, ValueNode, print_ast, value_from_ast_untyped
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

from coop.kernel import energy, money
from coop.kernel.errors import InvalidValue
from coop.kernel.rate import exact_decimal

KWh = NewType("KWh", Decimal)
IdempotencyKey = NewType("IdempotencyKey", str)
CurrencyCode = NewType("CurrencyCode", str)

IDEMPOTENCY_KEY_MAX: Final = 255
JSON_DEPTH_MAX: Final = 32
_SHOWN_MAX: Final = 40  # of what a client sent, in a message about it

_RFC3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def kwh(wh: int) -> KWh:
    """The API's figure of `wh` watt-hours: 12340 → "12.340"."""
    return KWh(energy.kwh_of_wh(wh))


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 3] + "..."


def _decimal_out(value: Any) -> str:
    if not isinstance(value, Decimal) or not value.is_finite():
        raise TypeError(f"not a finite Decimal: {value!r}")
    return format(value or abs(value), "f")  # no "-0.00"


def _kwh_in(text: str) -> Decimal:
    figure = exact_decimal(text)
    energy.wh_of_kwh(figure)  # refuses a fourth decimal
    return figure


def _kwh_out(value: Any) -> str:
    shown = _decimal_out(value)
    whole, _, decimals = shown.partition(".")
    if len(decimals) > energy.KWH_SCALE:
        raise TypeError(f"not whole watt-hours: {value!r}")
    return f"{whole}.{decimals.ljust(energy.KWH_SCALE, '0')}"


def _instant_in(text: str) -> datetime:
    if not _RFC3339.fullmatch(text):
        raise InvalidValue(
            f'"{_shown(text)}" is not a time with its offset such as 2026-03-01T12:00:00+01:00.'
        )
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidValue(f'"{text}" is not a time that exists.') from None


def _instant_out(value: Any) -> str:
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise TypeError(f"not an instant: {value!r}")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _date_in(text: str) -> date:
    if not _DATE.fullmatch(text):
        raise InvalidValue(f'"{_shown(text)}" is not a date such as 2026-03-01.')
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidValue(f'"{text}" is not a day of the calendar.') from None


def _date_out(value: Any) -> str:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise TypeError(f"not a date: {value!r}")
    return value.isoformat()


def _key_in(text: str) -> str:
    if not 1 <= len(text) <= IDEMPOTENCY_KEY_MAX or not text.isprintable() or text.isspace():
        raise InvalidValue(f"A key has 1 to {IDEMPOTENCY_KEY_MAX} printable characters.")
    return text


def _currency_in(text: str) -> str:
    money.currency_scale(text)
    return text


def _json_in(value: Any) -> Any:
    _expect_exact(value, JSON_DEPTH_MAX)
    return value


def _json_of_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
    return _coerced("JSON", _json_in, value_from_ast_untyped(node, variables), node)


def _expect_exact(value: Any, levels: int) -> None:
    """Refuse fractions written as JSON numbers (they are binary by now) and bottomless nesting."""
    if isinstance(value, float):
        raise InvalidValue("A number with a fraction, or beyond 64 bits, is written as a string.")
    if isinstance(value, dict | list):
        if levels == 0:
            raise InvalidValue(f"A JSON value has at most {JSON_DEPTH_MAX} levels.")
        for part in value.values() if isinstance(value, dict) else value:
            _expect_exact(part, levels - 1)


def _coerced(
    name: str, parse: Callable[[Any], Any], value: Any, node: ValueNode | None = None
) -> Any:
    """`parse(value)`, its refusal told as GraphQL's own error: that reaches the client verbatim."""
    try:
        return parse(value)
    except InvalidValue as refusal:
        raise GraphQLError(f"{name}: {refusal.message}", node) from None


def _of_string(
    name: str, parse: Callable[[str], Any], serialize: Callable[[Any], Any], description: str
) -> ScalarDefinition:
    """A scalar written as a JSON string and nothing else."""

    def parse_value(value: Any) -> Any:
        if not isinstance(value, str):
            raise GraphQLError(f"{name}: a JSON string is needed, not {_shown(value)}.")
        return _coerced(name, parse, value)

    def parse_literal(node: ValueNode, _variables: dict[str, Any] | None = None) -> Any:
        if not isinstance(node, StringValueNode):
            shown = _shown(print_ast(node))
            raise GraphQLError(f"{name}: a quoted string is needed, not {shown}.", node)
        return _coerced(name, parse, node.value, node)

    return strawberry.scalar(
        name=name, description=description, serialize=serialize,
        parse_value=parse_value, parse_literal=parse_literal,
    )  # fmt: skip


SCALARS: Final[dict[object, ScalarDefinition]] = {
    Decimal: _of_string(
        "Decimal", exact_decimal, _decimal_out,
        'Exact base-10 number as a JSON string such as "12.50": digits, at most one point, a minus '
        "sign, no exponent. JSON numbers are refused.",
    ),
    KWh: _of_string(
        "KWh", _kwh_in, _kwh_out,
        'Energy in kWh as a JSON string with three decimals, "12.340"; fewer are accepted.',
    ),
    datetime: _of_string(
        "DateTime", _instant_in, _instant_out,
        "An instant, RFC 3339. In: with its offset, at most microseconds. Out: UTC, ending in Z.",
    ),
    date: _of_string("Date", _date_in, _date_out, "A day of the calendar, YYYY-MM-DD."),
    IdempotencyKey: _of_string(
        "IdempotencyKey", _key_in, str,
        "1 to 255 printable characters, made by the client, one per intent, reused on retry.",
    ),
    CurrencyCode: _of_string(
        "CurrencyCode", _currency_in, str, "An ISO 4217 currency such as EUR."
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value of at most 32 levels; a number with a fraction is a string.",
        serialize=lambda value: value,
        parse_value=lambda value: _coerced("JSON", _json_in, value),
        parse_literal=_json_of_literal,
    ),
}  # fmt: skip


@strawberry.type(description="An exact amount of one currency.")
class Money:
    """An exact amount of one currency; negative when it runs against the field's meaning."""

    amount: Decimal = strawberry.field(description="With exactly the currency's decimals.")
    currency: CurrencyCode = strawberry.field(description="ISO 4217.")

    @classmethod
    def of(cls, value: money.Money) -> Self:
        """What the API shows of the kernel's `value`."""
        return cls(amount=value.amount, currency=CurrencyCode(value.currency))


@strawberry.input(description="An exact amount of one currency.")
class MoneyInput:
    """An exact amount of one currency, as a client writes it."""

    amount: Decimal = strawberry.field(description="No more decimals than the currency has.")
    currency: CurrencyCode = strawberry.field(description="ISO 4217.")

    def money(self) -> money.Money:
        """The kernel's value. Refuses INVALID_VALUE, at `amount`, when digits would be lost."""
        try:
            return money.Money.of(self.amount, self.currency)
        except InvalidValue as refusal:
            raise refusal.under("amount") from None


@strawberry.input(description="Days from `from` up to, not including, `to`; a missing end is open.")
class DateRange:
    """Half-open days [from_, to); None is an open end."""

    from_: date | None = strawberry.field(
        name="from", default=None, description="The first day that counts."
    )
    to: date | None = strawberry.field(
        default=None, description="The first day that no longer counts."
    )

    def bounds(self) -> tuple[date | None, date | None]:
        """(from, to). Refuses INVALID_VALUE, at `to`, when no day lies between them."""
        if self.from_ is not None and self.to is not None and self.to <= self.from_:
            raise InvalidValue(f"{self.to} does not come after {self.from_}.", ("to",))
        return self.from_, self.to
