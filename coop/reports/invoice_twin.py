"""The JSON twin of an invoice: every field of InvoiceDocument, by its name.

A field that ends in `_minor` is written without that as an exact decimal string of the currency,
`_wh` as `_kwh` with three decimals, instants in UTC, days as ISO 8601; journal and seals as in a
statement's twin. `from_json_twin` accepts only what `to_json_twin` writes: it reads the facts,
proves the document again, writes it again, and refuses TWIN_MALFORMED when anything differs.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import orjson

from coop.kernel.energy import KWH_SCALE
from coop.kernel.errors import Refusal
from coop.kernel.money import currency_scale
from coop.kernel.rate import exact_decimal, from_scale, to_scale
from coop.reports.archive import attachment
from coop.reports.errors import TwinMalformed
from coop.reports.invoice import InvoiceDocument
from coop.reports.twin import (
    Json,
    instant_json,
    seal_json,
    seal_of,
    stored_json,
    stored_of,
    twin_bytes,
)

FORMAT: Final = "coop-invoice-1"
TWIN_NAME: Final = "invoice.json"
_NUMBER: Final = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,60})?", re.ASCII)
_APART: Final = ("journal", "seals")


def to_json_twin(document: InvoiceDocument) -> Json:
    """The document as JSON values; equal documents have equal bytes (`twin_bytes`)."""
    said = _written(document, currency_scale(document.currency), _APART)
    return {
        "format": FORMAT,
        **said,
        "seals": [seal_json(seal) for seal in document.seals],
        "journal": [stored_json(entry) for entry in document.journal],
    }


def from_json_twin(twin: Json) -> InvoiceDocument:
    """The document a twin was written from. Refuses TWIN_MALFORMED unless it is one of ours."""
    try:
        seller = twin["seller"]
        scale = currency_scale(seller["currency"])
        said = _values(InvoiceDocument, twin, scale, _APART)
        journal = tuple(stored_of(entry, seller["cooperative_id"]) for entry in twin["journal"])
        seals = tuple(seal_of(seal) for seal in twin["seals"])
        document = InvoiceDocument(**said, journal=journal, seals=seals)
    except (KeyError, TypeError, ValueError, AttributeError, Refusal) as fault:
        raise TwinMalformed(f"The embedded figures cannot be read: {fault}.") from fault
    if twin_bytes(to_json_twin(document)) != twin_bytes(twin):
        raise TwinMalformed("The embedded figures contradict each other.")
    return document


def read_twin(pdf: bytes) -> Json:
    """The figures embedded in an invoice. Refuses TWIN_MISSING and TWIN_MALFORMED."""
    try:
        twin = orjson.loads(attachment(pdf, TWIN_NAME))
    except orjson.JSONDecodeError as fault:
        raise TwinMalformed(f"The embedded figures are not JSON: {fault}.") from None
    if not isinstance(twin, dict):
        raise TwinMalformed("The embedded figures are not an object.")
    return twin


# Values to JSON


def _written(value: Any, scale: int, apart: Iterable[str] = ()) -> Json:
    return {
        _key(field.name): _json(field.name, getattr(value, field.name), scale)
        for field in fields(value)
        if field.name not in apart
    }


def _key(name: str) -> str:
    return name.removesuffix("_minor").replace("_wh", "_kwh")


def _unit(name: str, scale: int) -> int | None:
    """Decimals of a figure that is counted in minor units or Wh; None for anything else."""
    if name.endswith("_minor"):
        return scale
    return KWH_SCALE if name.endswith("_wh") else None


def _json(name: str, value: Any, scale: int) -> Any:
    unit = _unit(name, scale)
    if unit is not None:
        return str(from_scale(value, unit))
    for kind, write in _WRITERS:
        if isinstance(value, kind):
            return write(value)
    return _json_of_many(value, scale)


def _json_of_many(value: Any, scale: int) -> Any:
    if is_dataclass(value):
        return _written(value, scale)
    if hasattr(value, "_asdict"):
        return {key: _json(key, part, scale) for key, part in value._asdict().items()}
    return [_json("", part, scale) for part in value] if isinstance(value, tuple) else value


def _plain(value: Decimal) -> str:
    return f"{value:f}"


# In this order: an instant is a date too.
_WRITERS: Final[tuple[tuple[Any, Any], ...]] = (
    (datetime, instant_json),
    (date, date.isoformat),
    (UUID, str),
    (Decimal, _plain),
)


# JSON to values


@cache
def _types(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _values(kind: type, said: Json, scale: int, apart: Iterable[str] = ()) -> dict[str, Any]:
    return {
        name: _read(name, type_, said[_key(name)], scale)
        for name, type_ in _types(kind).items()
        if name not in apart
    }


def _read(name: str, kind: Any, said: Any, scale: int) -> Any:
    if get_origin(kind) in {Union, types.UnionType}:
        kind = next(one for one in get_args(kind) if one is not type(None))
        return None if said is None else _read(name, kind, said, scale)
    if get_origin(kind) is tuple:
        return tuple(_read("", get_args(kind)[0], part, scale) for part in said)
    unit = _unit(name, scale)
    if unit is not None:
        return to_scale(exact_decimal(said), unit)
    return _read_one(name, kind, said, scale)


def _read_one(name: str, kind: Any, said: Any, scale: int) -> Any:
    if kind in _READERS:
        return _READERS[kind](said)
    if is_dataclass(kind) or hasattr(kind, "_fields"):
        return kind(**_values(kind, said, scale))
    if not isinstance(said, kind):
        raise TypeError(f"{name} is not as we write it")
    return said


def _decimal(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text} is not as we write numbers")
    return Decimal(text)


_READERS: Final[dict[Any, Any]] = {
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    UUID: UUID,
    Decimal: _decimal,
}
