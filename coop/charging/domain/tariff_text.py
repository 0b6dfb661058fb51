"""A tariff in words: one sentence for each of its elements, in their order."""

from __future__ import annotations

from decimal import Decimal

from coop.charging.domain.tariff import Element, PriceComponent, Tariff
from coop.charging.domain.tariff_words import duration_words, words_of
from coop.kernel.money import currency_scale

_PER = {"ENERGY": "per kWh", "TIME": "per hour", "PARKING_TIME": "per hour", "FLAT": "a session"}
_BLOCK = {"ENERGY": "Wh", "TIME": "s", "PARKING_TIME": "s"}


def tariff_name(tariff: Tariff) -> str:
    """What a tariff without a name is called: its price when that is all, else its id."""
    components = [one for element in tariff.elements for one in element.components]
    if len(components) == 1 and components[0].kind == "ENERGY":
        return f"{components[0].price:f} {tariff.currency}/kWh"
    return tariff.id


def tariff_sentences(tariff: Tariff) -> list[str]:
    """Each element in plain words, then what holds for the whole session."""
    sentences = [_sentence(element, tariff.currency) for element in tariff.elements]
    for bound, words in ((tariff.min_price, "at least"), (tariff.max_price, "at most")):
        if bound is not None:
            sentences.append(
                f"A session costs {words} {_amount(bound.excl, tariff.currency)} {tariff.currency}."
            )
    if tariff.idle_grace_s:
        grace = duration_words(tariff.idle_grace_s)
        sentences.append(f"The first {grace} of standing cost nothing.")
    return sentences


def _sentence(element: Element, currency: str) -> str:
    reserved = element.restrictions is not None and element.restrictions.reservation is not None
    parts = []
    for one in element.components:
        words = words_of(_kind(one, reserved=reserved), element.restrictions)
        parts.append(f"{words}: {_price(one, currency)}")
    return "; ".join(parts) + "."


def _amount(value: Decimal, currency: str) -> str:
    """With no fewer decimals than the currency has: 0.30, 0.2345."""
    _, _, decimals = f"{value:f}".partition(".")
    return f"{value:.{max(len(decimals), currency_scale(currency))}f}"


def _kind(component: PriceComponent, *, reserved: bool) -> str:
    return f"RESERVATION_{component.kind}" if reserved else component.kind


def _price(component: PriceComponent, currency: str) -> str:
    said = f"{_amount(component.price, currency)} {currency} {_PER[component.kind]}"
    if component.step_size > 1 and component.kind in _BLOCK:
        said += f", in blocks of {component.step_size} {_BLOCK[component.kind]}"
    if component.taxes:
        said += " plus " + " and ".join(f"{t.percent:f} % {t.name}" for t in component.taxes)
    return said
