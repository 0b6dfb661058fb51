"""The least and greatest price of a tariff, as lines that adjust what the other lines come to.

OCPI bounds both totals, each by its own number. The books need a net and a tax of every line, at a
stated tax, and together what the tariff says. So:

- What the bound adds or takes before taxes is shared by the taxes of the charge in proportion to
  their nets, in whole minor units (largest remainder).
- Where the bound after taxes asks for another average tax than that, the nets are moved towards the
  lowest (or highest) tax of the charge until it is met: every line still has its percentage.
- What then remains (rounding; a bound that no mix of its taxes meets) is tax of one adjusting line,
  as it is: net and tax of all lines are the tariff's total after taxes exactly.
- A bound that states nothing after taxes leaves every tax at its percentage.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from coop.charging.domain.charge import ChargeLine
from coop.charging.domain.tariff import Bound, Tariff, Tax
from coop.kernel.allocation import allocate
from coop.kernel.rate import round_half_up

_Taxes = tuple[Tax, ...]
_ZERO = Fraction(0)
_WORDS = {"MIN_PRICE": "Least price of a session", "MAX_PRICE": "Greatest price of a session"}


def bounded(
    tariff: Tariff, lines: tuple[ChargeLine, ...], before: Fraction, after: Fraction, scale: int
) -> tuple[tuple[ChargeLine, ...], Fraction, Fraction]:
    """The lines with those that adjust them, and the exact totals before and after taxes.

    `scale` is how many minor units make one of the currency.
    """
    low, high = tariff.min_price, tariff.max_price
    bounded_before = _within(before, low and low.excl, high and high.excl)
    follows = _silent(low if bounded_before > before else high) and bounded_before != before
    unbounded = _following(tariff, before, bounded_before, after) if follows else after
    bounded_after = _within(unbounded, low and low.incl, high and high.incl)
    if bounded_before == before:
        net_minor = sum(line.amount_minor for line in lines)
        net_minor = round_half_up(
            _within(Fraction(net_minor, scale), low and low.excl, high and high.excl) * scale
        )
    else:
        net_minor = round_half_up(bounded_before * scale)
    stated = bounded_after != unbounded or (bounded_before != before and not follows)
    gross = bounded_after if stated else None
    change = (bounded_before - before) or (bounded_after - unbounded)
    more = _adjusting(tariff, lines, net_minor, gross, scale)
    if change:
        kind = "MAX_PRICE" if change < 0 else "MIN_PRICE"
        more = [replace(line, kind=kind, description=_WORDS[kind]) for line in more]
    return (*lines, *more), bounded_before, bounded_after


def _within(value: Fraction, low: Decimal | None, high: Decimal | None) -> Fraction:
    value = value if low is None else max(value, Fraction(low))
    return value if high is None else min(value, Fraction(high))


def _silent(bound: Bound | None) -> bool:
    return bound is not None and bound.incl is None


def _following(tariff: Tariff, before: Fraction, bound: Fraction, after: Fraction) -> Fraction:
    """After taxes, where the taxes follow a bound that states none."""
    if before:
        return after * bound / before
    return bound * (1 + _percent(_usual_taxes(tariff)))


def _percent(taxes: _Taxes) -> Fraction:
    return sum((Fraction(tax.percent) for tax in taxes), _ZERO) / 100


def _usual_taxes(tariff: Tariff, wanted: Fraction | None = None) -> _Taxes:
    """The taxes of a charge without lines: those of `wanted` percentage, else the first."""
    found = [component.taxes for element in tariff.elements for component in element.components]
    return next((taxes for taxes in found if _percent(taxes) == wanted), found[0])


def _adjusting(
    tariff: Tariff, lines: tuple[ChargeLine, ...], net_minor: int, gross: Fraction | None,
    scale: int,
) -> list[ChargeLine]:  # fmt: skip
    """One line for each tax whose net or tax changes."""
    nets: dict[_Taxes, int] = {}
    for line in lines:
        nets[line.taxes] = nets.get(line.taxes, 0) + line.amount_minor
    if not any(nets.values()):
        wanted = gross * scale / net_minor - 1 if gross and net_minor else None
        nets.setdefault(_usual_taxes(tariff, wanted) if not nets else next(iter(nets)), 0)
    wanted_tax = None if gross is None else gross - Fraction(net_minor, scale)
    shares = _shares(nets, net_minor, wanted_tax, scale)
    taxed = sum((Fraction(share, scale) * _percent(one) for one, share in shares.items()), _ZERO)
    rest = _rest(tariff, Fraction(net_minor, scale), taxed, wanted_tax)
    bearer = max(shares, key=lambda one: shares[one])
    kind = "MAX_PRICE" if net_minor < sum(nets.values()) or rest < 0 else "MIN_PRICE"
    return [
        ChargeLine(
            kind, None, _WORDS[kind], Fraction(1), "session", Fraction(delta, scale), delta, one,
            Fraction(delta, scale) * _percent(one) + extra,
        )
        for one, share in shares.items()
        for delta, extra in [(share - nets[one], rest if one == bearer else _ZERO)]
        if delta or extra
    ]  # fmt: skip


def _shares(
    nets: dict[_Taxes, int], net_minor: int, wanted_tax: Fraction | None, scale: int
) -> dict[_Taxes, int]:
    """The net of each tax once bounded, in minor units; together `net_minor`."""
    weights = {one: Fraction(max(net, 0)) for one, net in nets.items()}
    whole = sum(weights.values())
    if not whole:
        weights = {one: Fraction(one == next(iter(nets))) for one in nets}
        whole = Fraction(1)
    exact = {one: net_minor * weight / whole for one, weight in weights.items()}
    if wanted_tax is not None and net_minor:
        exact = _moved(exact, wanted_tax * scale, net_minor)
    shares = allocate(net_minor, [*exact.values()]) if net_minor else [0] * len(exact)
    return dict(zip(exact, shares, strict=True))


def _moved(
    exact: dict[_Taxes, Fraction], wanted_tax: Fraction, net_minor: int
) -> dict[_Taxes, Fraction]:
    """Nets moved towards the lowest or highest tax, as far as the wanted tax asks for or can be."""
    tax = sum((net * _percent(one) for one, net in exact.items()), _ZERO)
    end = (min if wanted_tax < tax else max)(exact, key=_percent)
    furthest = _percent(end) * net_minor
    if tax in {wanted_tax, furthest}:
        return exact
    share = min((wanted_tax - tax) / (furthest - tax), Fraction(1))
    moved = {one: net * (1 - share) for one, net in exact.items()}
    moved[end] += share * net_minor
    return moved


def _rest(tariff: Tariff, net: Fraction, taxed: Fraction, wanted: Fraction | None) -> Fraction:
    """Tax that no percentage explains: what is wanted, or what keeps rounded lines in bounds."""
    if wanted is not None:
        return wanted - taxed
    low, high = tariff.min_price, tariff.max_price
    return _within(net + taxed, low and low.incl, high and high.incl) - net - taxed
