"""Values out of parsed JSON, each refused with its path, by whoever's refusal is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from coop.charging.domain.json_fields import decoder
from coop.kernel.errors import InvalidValue, Refusal
from coop.kernel.rate import exact_decimal

Path = tuple[str, ...]
_DUPLICATE = "\0duplicate"
_TEXT_MAX = 255


def parsed(text: str, refusal: type[Refusal]) -> object:
    """What a JSON text says, its numbers Decimals."""
    try:
        found: object = decoder().decode(text)
    except (ValueError, RecursionError):
        raise refusal("This is not JSON.") from None
    return found


def object_in(value: object, at: Path, refusal: type[Refusal]) -> Mapping[str, object]:
    """An object, no key of which is written twice."""
    if not isinstance(value, dict):
        raise refusal("A JSON object is needed.", at)
    if _DUPLICATE in value:
        raise refusal("Written twice.", (*at, str(value[_DUPLICATE])))
    return value


def filled_list(
    fields: Mapping[str, object], key: str, at: Path, refusal: type[Refusal]
) -> Sequence[object]:
    """A list with something in it."""
    value = fields.get(key)
    if not isinstance(value, list) or not value:
        raise refusal("A list that is not empty is needed.", (*at, key))
    return value


def text_in(fields: Mapping[str, object], key: str, at: Path, refusal: type[Refusal]) -> str:
    """A text of 1 to 255 printable characters."""
    value = fields.get(key)
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise refusal("A text is needed.", (*at, key))
    if len(value) > _TEXT_MAX:
        raise refusal(f"At most {_TEXT_MAX} characters.", (*at, key))
    return value


def decimal_in(value: object, at: Path, refusal: type[Refusal]) -> Decimal:
    """A number of JSON, read as a Decimal, or the text of one."""
    if isinstance(value, Decimal) and value.is_finite():
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, str):
        try:
            return exact_decimal(value)
        except InvalidValue as no:
            raise refusal(no.message, at) from None
    raise refusal("A number is needed.", at)
