"""A tariff as OCPI 2.2.1 writes it, read into values, or a refusal that names the field.

Two extensions: `taxes` of a price component, a list of {"name", "percent"}, in place of `vat`
(which is read as one tax named VAT), and `idle_grace_minutes` of the tariff: parking time that
costs nothing before it counts. What is read here can be priced by; whether it prices everything, so
that a cooperative may adopt it, is for `tariff_checks.require_complete`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from coop.charging.domain.currencies import CURRENCIES
from coop.charging.domain.json_fields import Fields, NotANumber, decoder
from coop.charging.domain.tariff_restrictions import Restrictions, restrictions_of
from coop.charging.errors import (
    RowRefused,
    TariffComponentUnknown,
    TariffCurrencyWrong,
    TariffInvalid,
    TariffOverlap,
    TariffPriceNegative,
    TariffPriceRange,
    TariffStepSize,
    TariffTaxInvalid,
)

KINDS = ("ENERGY", "FLAT", "TIME", "PARKING_TIME")
# A block of a megawatt-hour or of a day is a mistake, not a tariff.
_STEP_MAX = {"ENERGY": 1_000_000, "FLAT": 1_000_000, "TIME": 86_400, "PARKING_TIME": 86_400}
_ELEMENTS_MAX = 200
_GRACE_MAX_MINUTES = 7 * 24 * 60
_PERCENT_MAX = 100
_TAXES_MAX = 10
# NUL and halves of characters: JSON can write them, nothing can keep them.
_UNSTORABLE = frozenset(["\0", *map(chr, range(0xD800, 0xE000))])
_decoder = decoder()


class Tax(NamedTuple):
    """One tax on a price: so many percent of the amount before tax."""

    name: str
    percent: Decimal


class Bound(NamedTuple):
    """A least or greatest cost of a session, before taxes and (where stated) after them."""

    excl: Decimal
    incl: Decimal | None


@dataclass(frozen=True, slots=True)
class PriceComponent:
    """So much per kWh (ENERGY), hour (TIME, PARKING_TIME) or session (FLAT), before taxes.

    `step_size` is in Wh or seconds: the total is billed in whole blocks of it; 0 is no blocks. No
    `taxes` means that none are stated, which is not the same as none being due.
    """

    kind: str
    price: Decimal
    step_size: int
    taxes: tuple[Tax, ...]


@dataclass(frozen=True, slots=True)
class Element:
    """Price components that count while the restrictions hold; None restricts nothing."""

    components: tuple[PriceComponent, ...]
    restrictions: Restrictions | None


@dataclass(frozen=True, slots=True)
class Tariff:
    """What sessions cost: for each dimension, the first element that has it and holds.

    `starts_at` and `ends_at` are when the document says it is in force; `price` does not ask.
    """

    id: str
    currency: str
    elements: tuple[Element, ...]
    min_price: Bound | None = None
    max_price: Bound | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    idle_grace_s: int = 0

    def __hash__(self) -> int:
        """Cheap on purpose: the compiled form of a tariff is looked up for every session."""
        return hash(self.id)


def read_tariff(text: str | bytes, currency: str | None = None) -> Tariff:
    """The tariff a JSON text writes. Refuses TARIFF_INVALID when it is not JSON."""
    return tariff_of(parse_tariff(text), currency)


def parse_tariff(text: str | bytes) -> object:
    """The JSON document, its numbers exact. Refuses TARIFF_INVALID when it is not JSON."""
    try:
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        return _decoder.decode(decoded)
    except (ValueError, RecursionError) as error:
        raise TariffInvalid(f"Not JSON: {error}.") from None


def tariff_of(document: object, currency: str | None = None) -> Tariff:
    """The tariff of an OCPI 2.2.1 JSON document whose numbers are Decimals (or int).

    Refuses `TariffInvalid` (TARIFF_*) with the path of the field; with `currency`, a tariff in
    another one (TARIFF_CURRENCY).
    """
    try:
        return _tariff(Fields(_exact(document)), currency)
    except RowRefused as refusal:
        raise TariffInvalid(refusal.message, refusal.path) from None


def _exact(value: object, depth: int = 0) -> object:
    """The document with every int a Decimal; a binary float has lost what was written."""
    if depth > 20:  # noqa: PLR2004 - a tariff is five deep
        raise TariffInvalid("Nested deeper than any tariff.")
    if isinstance(value, dict):
        return {str(name): _exact(one, depth + 1) for name, one in value.items()}
    if isinstance(value, list):
        return [_exact(one, depth + 1) for one in value]
    if not isinstance(value, str | int | Decimal | NotANumber | None):
        raise TariffInvalid(f"{value} came as a binary number: prices are exact.")
    if isinstance(value, Decimal) and not value.is_finite():
        return NotANumber(str(value))
    if isinstance(value, str) and not _UNSTORABLE.isdisjoint(value):
        raise TariffInvalid("A text that cannot be stored.")
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _tariff(fields: Fields, currency: str | None) -> Tariff:
    elements = fields.children("elements")
    if not 0 < len(elements) <= _ELEMENTS_MAX:
        raise TariffInvalid(f"A tariff has 1 to {_ELEMENTS_MAX} elements.", ("elements",))
    least, most = _bound(fields, "min_price"), _bound(fields, "max_price")
    _check_range(least, most)
    return Tariff(
        id=fields.identifier("id", 36),
        currency=_currency(fields, currency),
        elements=tuple(_element(one) for one in elements),
        min_price=least,
        max_price=most,
        starts_at=fields.instant("start_date_time") if "start_date_time" in fields else None,
        ends_at=fields.instant("end_date_time") if "end_date_time" in fields else None,
        idle_grace_s=_grace_s(fields),
    )


def _currency(fields: Fields, wanted: str | None) -> str:
    code = fields.text("currency", 3)
    if code not in CURRENCIES:
        raise TariffCurrencyWrong(f'"{code}" is not a currency of ISO 4217.', ("currency",))
    if wanted is not None and code != wanted:
        why = f"The tariff is in {code}; what it is for is counted in {wanted}."
        raise TariffCurrencyWrong(why, ("currency",))
    return code


def _bound(fields: Fields, name: str) -> Bound | None:
    if name not in fields:
        return None
    price = fields.child(name)
    excl = _amount(price, "excl_vat")
    incl = _amount(price, "incl_vat") if "incl_vat" in price else None
    if incl is not None and incl < excl:
        raise TariffPriceRange("Less after taxes than before.", price.path("incl_vat"))
    return Bound(excl, incl)


def _check_range(least: Bound | None, most: Bound | None) -> None:
    if least is None or most is None:
        return
    if least.excl > most.excl:
        raise TariffPriceRange("The least price is above the greatest.", ("min_price", "excl_vat"))
    if least.incl is not None and most.incl is not None and least.incl > most.incl:
        raise TariffPriceRange("The least price is above the greatest.", ("min_price", "incl_vat"))


def _amount(fields: Fields, name: str) -> Decimal:
    value = fields.number(name)
    if value < 0:
        raise TariffPriceNegative(f"{value:f} is a negative price.", fields.path(name))
    return value


def _grace_s(fields: Fields) -> int:
    if "idle_grace_minutes" not in fields:
        return 0
    seconds = fields.number("idle_grace_minutes") * 60
    if not 0 <= seconds <= _GRACE_MAX_MINUTES * 60 or seconds != int(seconds):
        why = f"A grace is 0 to {_GRACE_MAX_MINUTES} minutes, in whole seconds."
        raise TariffInvalid(why, ("idle_grace_minutes",))
    return int(seconds)


def _element(fields: Fields) -> Element:
    components = tuple(_component(one) for one in fields.children("price_components"))
    if not components:
        raise TariffInvalid("An element prices something.", fields.path("price_components"))
    kinds = [component.kind for component in components]
    for i, kind in enumerate(kinds):
        if kind in kinds[:i]:
            path = (*fields.path("price_components"), str(i), "type")
            raise TariffOverlap(f"A second {kind} in one element is never reached.", path)
    restrictions = None
    if "restrictions" in fields:
        restrictions = restrictions_of(fields.child("restrictions"))
    if restrictions is not None and restrictions.reservation:
        for i, kind in enumerate(kinds):
            if kind not in {"FLAT", "TIME"}:
                path = (*fields.path("price_components"), str(i), "type")
                raise TariffComponentUnknown("A reservation costs FLAT and TIME only.", path)
    return Element(components, restrictions)


def _component(fields: Fields) -> PriceComponent:
    kind = fields.text("type", 36)
    if kind not in KINDS:
        wanted = ", ".join(KINDS)
        raise TariffComponentUnknown(f'"{kind}" is none of {wanted}.', fields.path("type"))
    return PriceComponent(kind, _amount(fields, "price"), _step(fields, kind), _taxes(fields))


def _step(fields: Fields, kind: str) -> int:
    value = fields.number("step_size")
    if value != int(value) or not 0 <= value <= _STEP_MAX[kind]:
        why = f"{value:f} is not a whole number from 0 to {_STEP_MAX[kind]}."
        raise TariffStepSize(why, fields.path("step_size"))
    return int(value)


def _taxes(fields: Fields) -> tuple[Tax, ...]:
    if "taxes" not in fields:
        return (Tax("VAT", _percent(fields, "vat")),) if "vat" in fields else ()
    if "vat" in fields:
        raise TariffTaxInvalid("Either vat or taxes.", fields.path("taxes"))
    taxes = sorted(Tax(one.text("name", 40), _percent(one, "percent"))
                   for one in fields.children("taxes"))  # fmt: skip
    if len({tax.name for tax in taxes}) != len(taxes) or len(taxes) > _TAXES_MAX:
        raise TariffTaxInvalid("At most ten taxes, each once.", fields.path("taxes"))
    return tuple(taxes)


def _percent(fields: Fields, name: str) -> Decimal:
    written = fields.values.get(name)
    if isinstance(written, str):  # our extension writes percentages as text
        try:
            fields = Fields({name: _decoder.decode(written)}, fields.path("")[:-1])
        except ValueError:
            raise TariffTaxInvalid(f'"{written[:40]}" is no number.', fields.path(name)) from None
    value = fields.number(name)
    if not 0 <= value <= _PERCENT_MAX:
        raise TariffTaxInvalid(f"{value:f} % is not between 0 and 100.", fields.path(name))
    return plain(value)


def plain(value: Decimal) -> Decimal:
    """The same number without trailing zeros and without exponent: 20.0 and 2E+1 are 20."""
    return Decimal(_plain_text(value))


def _plain_text(value: Decimal) -> str:
    # By hand: Decimal.normalize rounds to 28 digits without a word.
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def taxes_document(taxes: Sequence[Tax]) -> list[dict[str, str]]:
    """Taxes as stored: sorted by name, percentages as plain text."""
    return [{"name": tax.name, "percent": _plain_text(tax.percent)} for tax in sorted(taxes)]


def flat_tariff_document(
    id: str,  # noqa: A002 - the field's name in OCPI
    currency: str,
    per_kwh: Decimal,
    taxes: Sequence[Tax] = (),
) -> dict[str, Any]:
    """The document of the simplest tariff: so much per kWh, at all times."""
    component: dict[str, Any] = {"type": "ENERGY", "price": per_kwh, "step_size": Decimal(1)}
    if taxes:
        component["taxes"] = taxes_document(taxes)
    return {"id": id, "currency": currency, "elements": [{"price_components": [component]}]}


def canonical_tariff(document: object) -> str:
    """The document as canonical JSON text: sorted keys, no blanks, numbers without trailing zeros.

    Equal for two writings of one tariff, so it is what is hashed and stored; nothing is left out.
    Refuses TARIFF_INVALID for what JSON does not have.
    """
    exact = _exact(document)
    if not isinstance(exact, dict):
        raise TariffInvalid("Not a JSON object.")
    return _canonical(exact)


def _canonical(value: object) -> str:
    if isinstance(value, Mapping):
        if not all(key.isprintable() for key in value):  # how a key written twice is marked
            raise TariffInvalid("A key written twice, or one that cannot be printed.")
        pairs = [f"{_text(key)}:{_canonical(value[key])}" for key in sorted(value)]
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_canonical, value)) + "]"
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) <= 40:  # noqa: PLR2004
        return _plain_text(value) if value else "0"
    if isinstance(value, NotANumber | Decimal):
        raise TariffInvalid("A number beyond any measurement.")
    return _text(value)


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
