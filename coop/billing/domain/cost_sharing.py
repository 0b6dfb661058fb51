"""A hub's grid bill, shared among those who caused it: energy, losses, demand and the rest.

The bill is taken as it came, its total never changed; the rule says only whose how much of it is.

    energy    of the energy cost, the part of the kWh that members took, by each one's own cost at
              the prices of the schedule (Σ Wh of a quarter hour × its price)
    losses    the rest of the energy cost (kWh the grid delivered and nobody took), by kWh
    demand    by the method, below
    other     by kWh

Methods for the demand charge, with p the own peak of a member (its highest quarter hour, in W):

    KWH                by kWh
    COINCIDENT_PEAK    by load in the quarter hour in which the hub as a whole took most (the first
                       of several)
    OWN_PEAK           by p
    PEAK_LAYERS        p1 ≤ … ≤ pn cut the peak into layers; each costs its height and is paid in
                       equal parts by all who reach it. That is the Shapley value of "a group costs
                       its highest peak" (the airport game).
    HIGHEST_INTERVALS  by mean load over the hub's k highest quarter hours: no single one decides

A ratchet of r % lets the measure of a method be at least r % of its highest in the eleven months
before, as grid tariffs with a ratchet bill it. Everything is exact until the end; then each
member's exact total is allocated by largest remainder, so that shares add up to the bill and none
is a minor unit away from exact. Equals in everything come in the order of their ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from operator import mul

from coop.billing.domain.loads import QUARTERS_AN_HOUR
from coop.billing.sharing_errors import (
    LoadMissing,
    LossesNegative,
    SharingInvalid,
    SharingMethodUnknown,
    UtilityBillInvalid,
)
from coop.kernel.allocation import allocate
from coop.kernel.errors import InvalidValue
from coop.kernel.rate import exact_decimal, round_half_up

HIGHEST_MAX = 96
_HUNDRED = Decimal(100)
_MILLI = 1000


class Method(StrEnum):
    """How a demand charge is shared; the members vote on one."""

    KWH = "KWH"
    COINCIDENT_PEAK = "COINCIDENT_PEAK"
    OWN_PEAK = "OWN_PEAK"
    PEAK_LAYERS = "PEAK_LAYERS"
    HIGHEST_INTERVALS = "HIGHEST_INTERVALS"

    @property
    def words(self) -> str:
        """What a bill says of it."""
        return _WORDS[self]


_WORDS = {
    Method.KWH: "by kWh",
    Method.COINCIDENT_PEAK: "by part in the common peak",
    Method.OWN_PEAK: "by own peaks",
    Method.PEAK_LAYERS: "by layers of peaks",
    Method.HIGHEST_INTERVALS: "by part in the highest quarter hours",
}


@dataclass(frozen=True, slots=True)
class SharingRule:
    """A method and its parameters. `highest` is k, for HIGHEST_INTERVALS only.

    Losses below nothing are measurement errors up to `tolerance_percent` of the grid's kWh.
    """

    method: Method
    highest: int = 4
    ratchet_percent: Decimal = Decimal(0)
    tolerance_percent: Decimal = Decimal(1)

    def __post_init__(self) -> None:
        if not 1 <= self.highest <= HIGHEST_MAX:
            raise SharingInvalid(f"1 to {HIGHEST_MAX} quarter hours count.", ("highest",))
        for name in ("ratchet_percent", "tolerance_percent"):
            if not 0 <= getattr(self, name) <= _HUNDRED:
                raise SharingInvalid("A percentage is 0 to 100.", (name,))
        if self.ratchet_percent and self.method is Method.KWH:
            raise SharingInvalid("kWh have no peak to hold on to.", ("ratchet_percent",))

    def parameters(self) -> dict[str, str]:
        """What the rule was made of, as text."""
        return {
            "highest": str(self.highest),
            "ratchet_percent": f"{self.ratchet_percent:f}",
            "tolerance_percent": f"{self.tolerance_percent:f}",
        }


@dataclass(frozen=True, slots=True)
class Bill:
    """What the grid charged a hub for a month, in minor units, and the Wh it says it delivered.

    Without `energy_wh` there are no losses.
    """

    energy_minor: int
    demand_minor: int
    other_minor: int = 0
    energy_wh: int | None = None

    @property
    def total_minor(self) -> int:
        """The whole bill."""
        return self.energy_minor + self.demand_minor + self.other_minor


@dataclass(frozen=True, slots=True)
class Share:
    """One participant's part, every step of it. Amounts are exact, in minor units, but the last.

    `measured` is what the method measured (Wh for KWH, W else), `measure` the same after a ratchet.
    """

    owner: str
    taken_wh: int
    losses_wh: Fraction
    own_peak_w: int
    measured: Fraction
    measure: Fraction
    energy: Fraction
    losses: Fraction
    demand: Fraction
    other: Fraction
    total_minor: int

    @property
    def exact(self) -> Fraction:
        """What `total_minor` is before it is rounded."""
        return self.energy + self.losses + self.demand + self.other


@dataclass(frozen=True, slots=True)
class Layer:
    """A slice of the peak from `from_w` to `to_w`, paid in equal parts by `members`."""

    from_w: Fraction
    to_w: Fraction
    members: int


@dataclass(frozen=True, slots=True)
class Sharing:
    """A shared bill. `peak_index` is the quarter hour the hub took most in; `layers` of its method.

    `shares` come by owner.
    """

    rule: SharingRule
    bill: Bill
    taken_wh: int
    losses_wh: int
    peak_index: int
    peak_w: int
    layers: tuple[Layer, ...]
    shares: tuple[Share, ...] = field(default=())


def rule_of(method: str, parameters: Mapping[str, object] | None = None) -> SharingRule:
    """The rule of that method. Refuses COST_SHARING_METHOD_UNKNOWN, COST_SHARING_INVALID."""
    if method not in Method.__members__:
        known = ", ".join(Method)
        raise SharingMethodUnknown(f'"{method[:40]}" is none of {known}.', ("method",))
    given = dict(parameters or {})
    unknown = sorted(given.keys() - {"highest", "ratchet_percent", "tolerance_percent"})
    if unknown:
        raise SharingInvalid("There is no such parameter.", ("parameters", unknown[0][:40]))
    try:
        numbers = {name: exact_decimal(str(value)) for name, value in given.items()}
    except InvalidValue as refusal:
        raise SharingInvalid(refusal.message, ("parameters",)) from None
    highest = numbers.pop("highest", Decimal(4))
    if highest != int(highest):
        raise SharingInvalid("Quarter hours are whole.", ("highest",))
    return SharingRule(Method(method), int(highest), **numbers)


def share_costs(
    loads: Mapping[str, Sequence[int]],
    prices: Sequence[int],
    bill: Bill,
    rule: SharingRule,
    past: Mapping[str, Fraction] | None = None,
) -> Sharing:
    """Share a bill among the owners of loads.

    `loads` are Wh by owner and quarter hour, `prices` those of a kWh in the same quarter hours, in
    any one unit; `past` is each owner's highest measure of the eleven months before, for a
    ratchet. Refuses COST_SHARING_NO_LOAD, UTILITY_BILL_INVALID below nothing, and
    COST_SHARING_LOSSES_NEGATIVE when members took more than the grid delivered.
    """
    _refuse_negative(bill)
    owners = sorted(loads)
    taken = {owner: sum(loads[owner]) for owner in owners}
    whole = sum(taken.values())
    if whole <= 0:
        raise LoadMissing("Nobody took anything at the hub in that month.")
    hub = hub_load(loads)
    peak_index = max(range(len(hub)), key=hub.__getitem__)  # max keeps the first
    losses_wh = _losses_wh(bill, whole, rule)
    measures = _measures(loads, hub, taken, rule)
    kept = _ratcheted(measures, rule, past or {})
    layers = layers_of(kept.values()) if rule.method is Method.PEAK_LAYERS else ()
    weights = _layer_weights(kept, layers) if layers else kept
    parts = _parts(loads, prices, bill, losses_wh, taken, weights)
    exact = [sum((part[owner] for part in parts.values()), Fraction(0)) for owner in owners]
    minors = allocate(bill.total_minor, exact) if bill.total_minor else [0] * len(owners)
    shares = tuple(
        Share(
            owner=owner,
            taken_wh=taken[owner],
            losses_wh=Fraction(losses_wh * taken[owner], whole),
            own_peak_w=QUARTERS_AN_HOUR * max(loads[owner], default=0),
            measured=measures[owner],
            measure=kept[owner],
            **{name: part[owner] for name, part in parts.items()},
            total_minor=minor,
        )
        for owner, minor in zip(owners, minors, strict=True)
    )
    peak_w = QUARTERS_AN_HOUR * hub[peak_index]
    return Sharing(rule, bill, whole, losses_wh, peak_index, peak_w, layers, shares)


def _parts(
    loads: Mapping[str, Sequence[int]],
    prices: Sequence[int],
    bill: Bill,
    losses_wh: int,
    taken: Mapping[str, int],
    weights: Mapping[str, Fraction],
) -> dict[str, dict[str, Fraction]]:
    """Each part of the bill by owner, exact: `weights` are the method's, for the demand charge."""
    lost = Fraction(bill.energy_minor * losses_wh, sum(taken.values()) + losses_wh)
    by_price = {o: Fraction(sum(map(mul, load, prices))) for o, load in loads.items()}
    by_kwh = {owner: Fraction(wh) for owner, wh in taken.items()}
    return {
        "energy": _split(bill.energy_minor - lost, by_price if any(by_price.values()) else by_kwh),
        "losses": _split(lost, by_kwh),
        "demand": _split(Fraction(bill.demand_minor), weights),
        "other": _split(Fraction(bill.other_minor), by_kwh),
    }


def hub_load(loads: Mapping[str, Sequence[int]]) -> list[int]:
    """The Wh of all owners together, by quarter hour."""
    return [sum(column) for column in zip(*loads.values(), strict=True)]


def bill_by_schedule(
    hub: Sequence[int],
    prices: Sequence[int],
    price_unit: Fraction,
    demand_per_kw: Fraction,
    minor_units: int,
) -> Bill:
    """The bill that a schedule gives for a hub's load, where the grid's own is not there yet.

    `prices` are of a kWh in units of `price_unit` whole currency, of which one is `minor_units`.
    """
    energy = Fraction(sum(map(mul, hub, prices)), _MILLI) * price_unit * minor_units
    peak_kw = Fraction(QUARTERS_AN_HOUR * max(hub, default=0), _MILLI)
    demand = peak_kw * demand_per_kw * minor_units
    return Bill(round_half_up(energy), round_half_up(demand), 0, sum(hub))


def layers_of(peaks: Iterable[Fraction]) -> tuple[Layer, ...]:
    """The layers that peaks cut the highest of them into, lowest first."""
    found = sorted(peaks)
    made: list[Layer] = []
    below = Fraction(0)
    for place, peak in enumerate(found):
        if peak > below:
            made.append(Layer(below, peak, len(found) - place))
            below = peak
    return tuple(made)


def _layer_weights(
    measures: Mapping[str, Fraction], layers: Sequence[Layer]
) -> dict[str, Fraction]:
    """Each owner's part of the highest peak: of every layer it reaches, its equal part."""
    reached = Fraction(0)
    worth = {Fraction(0): reached}
    for layer in layers:
        reached += (layer.to_w - layer.from_w) / layer.members
        worth[layer.to_w] = reached
    return {owner: worth[measure] for owner, measure in measures.items()}


def _measures(
    loads: Mapping[str, Sequence[int]],
    hub: Sequence[int],
    taken: Mapping[str, int],
    rule: SharingRule,
) -> dict[str, Fraction]:
    """What the method measures of each owner: Wh for KWH, W for the others."""
    if rule.method is Method.KWH:
        return {owner: Fraction(wh) for owner, wh in taken.items()}
    if rule.method in (Method.OWN_PEAK, Method.PEAK_LAYERS):
        return {o: Fraction(QUARTERS_AN_HOUR * max(load)) for o, load in loads.items()}
    count = 1 if rule.method is Method.COINCIDENT_PEAK else min(rule.highest, len(hub))
    places = sorted(range(len(hub)), key=lambda i: (-hub[i], i))[:count]
    return {
        owner: Fraction(QUARTERS_AN_HOUR * sum(load[i] for i in places), count)
        for owner, load in loads.items()
    }


def _ratcheted(
    measures: Mapping[str, Fraction], rule: SharingRule, past: Mapping[str, Fraction]
) -> dict[str, Fraction]:
    ratio = Fraction(rule.ratchet_percent) / 100
    return {o: max(now, ratio * past.get(o, Fraction(0))) for o, now in measures.items()}


def _split(amount: Fraction, weights: Mapping[str, Fraction]) -> dict[str, Fraction]:
    whole = sum(weights.values(), Fraction(0))
    return {owner: amount * weight / whole for owner, weight in weights.items()}


def _losses_wh(bill: Bill, taken_wh: int, rule: SharingRule) -> int:
    if bill.energy_wh is None:
        return 0
    lost = bill.energy_wh - taken_wh
    if lost * -100 > rule.tolerance_percent * bill.energy_wh:
        why = f"Members took {taken_wh} Wh, the grid delivered {bill.energy_wh} Wh."
        raise LossesNegative(why, ("energy",))
    return max(0, lost)


def _refuse_negative(bill: Bill) -> None:
    for name in ("energy_minor", "demand_minor", "other_minor"):
        if getattr(bill, name) < 0:
            raise UtilityBillInvalid("A bill is not below nothing.", (name.removesuffix("_minor"),))
    if bill.energy_wh is not None and bill.energy_wh < 0:
        raise UtilityBillInvalid("A grid delivers no less than nothing.", ("energy",))
