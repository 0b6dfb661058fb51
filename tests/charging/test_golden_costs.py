"""The 25 worked costs of the OCPI 2.2.1 specification, before and after taxes."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from coop.charging.domain.pricing import price
from coop.charging.domain.tariff import read_tariff
from coop.kernel.rate import round_half_up
from tests.charging.domain.pricing_sample import BERLIN, used
from tests.conftest import SHARED_DATA, shared_data

COSTS = "ocpi/golden_costs.json"
EXAMPLES = "ocpi/2.2.1/examples"
_KINDS = {"reservation": "reserved", "reservation_expired": "reserved"}
_UNITS = {"kwh": "kWh", "current": "A", "power": "kW"}


def vectors() -> list[Any]:
    """The published costs, or one that will skip and name what is absent."""
    path = SHARED_DATA / COSTS
    if not path.exists():
        return [pytest.param(None, id="absent")]
    found = json.loads(path.read_text(), parse_float=Decimal, parse_int=Decimal)["vectors"]
    return [pytest.param(vector, id=vector["id"]) for vector in found]


def segment(stated: dict[str, Any]) -> str:
    measures = " ".join(f"{stated[name]} {unit}" for name, unit in _UNITS.items() if name in stated)
    kind = _KINDS.get(stated["kind"], stated["kind"])
    return f"{kind} {stated['minutes']} min {measures}"


def cents(amount: Fraction | Decimal) -> int:
    return round_half_up(Fraction(amount) * 100)


@pytest.mark.parametrize("vector", vectors())
def test_golden_cost(vector: dict[str, Any] | None) -> None:
    shared_data(COSTS)
    assert vector is not None
    tariff = read_tariff(shared_data(f"{EXAMPLES}/{vector['tariff']}").read_bytes())
    session = used(vector["start_local"], *map(segment, vector["segments"]))
    charge = price(tariff, session, BERLIN)
    assert cents(charge.before_tax) == cents(vector["expect_excl"])
    if vector["expect_incl"] is not None:
        assert cents(charge.after_tax) == cents(vector["expect_incl"])
    # Every line names the element that priced it; only the bounds of a tariff have none.
    assert all((line.element is None) == line.kind.endswith("_PRICE") for line in charge.lines)
