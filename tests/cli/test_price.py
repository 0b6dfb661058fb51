"""`coop price`: a tariff and a CDR in, lines and totals out, without an installation."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from coop.charging.domain.session import Doubt
from coop.cli.price import _DOUBTS
from tests.charging.domain.pricing_sample import bound, document, element
from tests.charging.domain.sample import cdr
from tests.cli.conftest import Shell
from tests.conftest import shared_data

EXAMPLES = "ocpi/2.2.1/examples"
# 07:00 to 09:30 UTC on a Monday, which is 08:00 to 10:30 in Berlin; 12.34 kWh.
TWO_PRICES = document(
    element("ENERGY 0.20 +10%", window="00:00-09:00"), element("FLAT 1", "ENERGY 0.50 +20%")
)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "nothing-here")


def written(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content, default=float))
    return path


def test_lines_name_the_element_that_priced_them(shell: Shell, tmp_path: Path) -> None:
    files = written(tmp_path, "tariff.json", TWO_PRICES), written(tmp_path, "cdr.json", cdr())
    found = shell.json("price", *files, "--zone", "Europe/Berlin")
    assert found == {
        "cdr": "CDR-1",
        "tariff": "T",
        "currency": "EUR",
        "zone": "Europe/Berlin",
        "lines": [
            {"kind": "FLAT", "element": 1, "description": "Start fee", "quantity": "1",
             "unit": "session", "unit_price": "1", "amount": "1.00", "taxes": [], "tax": "0"},
            {"kind": "ENERGY", "element": 0, "description": "Energy, 00:00–09:00",
             "quantity": "4.936", "unit": "kWh", "unit_price": "0.2", "amount": "0.99",
             "taxes": [{"name": "VAT", "percent": "10"}], "tax": "0.099"},
            {"kind": "ENERGY", "element": 1, "description": "Energy", "quantity": "7.404",
             "unit": "kWh", "unit_price": "0.5", "amount": "3.70",
             "taxes": [{"name": "VAT", "percent": "20"}], "tax": "0.74"},
        ],
        "before_tax": "5.6892",
        "after_tax": "6.52832",
        "amount": "5.69",
        "tax": "0.839",
        "total": "6.53",
        "stated": {"before_tax": "3.1"},
        "notes": [],
    }  # fmt: skip
    assert not shell.data_dir.exists()


def test_without_a_zone_the_clock_shows_utc_and_a_note_says_so(
    shell: Shell, tmp_path: Path
) -> None:
    files = written(tmp_path, "tariff.json", TWO_PRICES), written(tmp_path, "cdr.json", cdr())
    found = shell.result("price", *files)
    assert "Energy, 00:00–09:00  VAT 10 %  9.872 kWh" in found.stdout
    assert "Before taxes 4.2084, after taxes 4.65264 EUR; charged 4.64." in found.stdout
    assert found.stderr.count("Note:") == 1
    assert "UTC" in found.stderr
    flat = written(tmp_path, "flat.json", document(element("ENERGY 0.5")))
    assert shell.json("price", flat, files[1])["notes"] == []


def test_a_cdr_alone_is_priced_by_the_tariff_it_carries(shell: Shell) -> None:
    """The specification's example: 1.973 h are billed as 2.0 h, as it prints itself."""
    found = shell.json("price", shared_data(f"{EXAMPLES}/cdr_example.json"))
    assert (found["before_tax"], found["after_tax"], found["total"]) == ("4", "4.4", "4.40")
    assert found["stated"] == {"before_tax": "4.00", "after_tax": "4.40"}
    assert found["notes"] == [
        "The CDR is doubtful: it was last updated before it ended (LAST_UPDATED_EARLY)."
    ]


def test_every_tariff_of_the_specification_prices_its_example(shell: Shell) -> None:
    example = shared_data(f"{EXAMPLES}/cdr_example.json")
    for tariff in sorted(shared_data(EXAMPLES).glob("tariff*.json")):
        found = shell.json("price", tariff, example, "--zone", "Europe/Brussels")
        assert Decimal(found["after_tax"]) >= Decimal(found["before_tax"]) >= 0, tariff.name


def test_of_several_tariffs_that_of_the_first_period_counts(shell: Shell, tmp_path: Path) -> None:
    carried = [document(element("ENERGY 1"), id="one"), document(element("ENERGY 2"), id="two")]
    period = cdr()["charging_periods"][0] | {"tariff_id": "TWO"}
    path = written(tmp_path, "cdr.json", cdr(tariffs=carried, charging_periods=[period]))
    found = shell.json("price", path)
    assert (found["tariff"], found["before_tax"]) == ("two", "24.68")
    assert found["notes"] == ["Of 2 tariffs, TWO is in force when it begins."]


@pytest.mark.parametrize(
    ("stated", "note"),
    [
        (document(element("ENERGY 1", max_kwh=50)), "something without a price: No price for: Energy, from 50 kWh."),
        (document(element("ENERGY 1"), element("ENERGY 2")), "At elements.1.price_components.0: This ENERGY never counts"),
        (document(element("ENERGY 1"), start_date_time="2026-03-03T00:00:00Z"), "began before the tariff"),
        (document(element("ENERGY 1"), end_date_time="2026-03-01T00:00:00Z"), "began after the tariff"),
    ],
)  # fmt: skip
def test_what_looks_wrong_is_noted(
    shell: Shell, tmp_path: Path, stated: dict[str, Any], note: str
) -> None:
    files = written(tmp_path, "tariff.json", stated), written(tmp_path, "cdr.json", cdr())
    assert any(note in one for one in shell.json("price", *files)["notes"])


def test_a_credit_shows_what_it_takes_back(shell: Shell, tmp_path: Path) -> None:
    credit = cdr(credit=True, credit_reference_id="cdr-0", total_cost={"excl_vat": Decimal(-3)})
    files = (
        written(tmp_path, "tariff.json", document(element("ENERGY 1"))),
        written(tmp_path, "cdr.json", credit),
    )
    found = shell.json("price", *files)
    assert found["total"] == "12.34"
    assert found["notes"] == ["This CDR takes back CDR-0: what it takes back is priced."]


def test_what_platforms_wrap_is_unwrapped(shell: Shell, tmp_path: Path) -> None:
    envelope = {"data": document(element("ENERGY 1")), "status_code": 1000}
    tariff = written(tmp_path, "tariff.json", envelope)
    wrapped = written(tmp_path, "cdr.json", {"data": cdr(), "status_code": 1000})
    assert shell.json("price", tariff, wrapped)["before_tax"] == "12.34"


@pytest.mark.parametrize(
    ("tariff", "charged", "code", "path"),
    [
        (document(element("ENERGY -1")), cdr(), "TARIFF_PRICE_NEGATIVE",
         ["elements", "0", "price_components", "0", "price"]),
        (document(element("ENERGY 1"), currency="NOK"), cdr(), "TARIFF_CURRENCY", ["currency"]),
        (document(element("ENERGY 1"), max_price=bound("2", "1")), cdr(), "TARIFF_PRICE_RANGE",
         ["max_price", "incl_vat"]),
        ("{", cdr(), "TARIFF_INVALID", []),
        (document(element("ENERGY 1")), cdr(id=None), "FIELD_MISSING", ["id"]),
        (document(element("ENERGY 1")), cdr(end_date_time="2026-03-02T06:00:00Z"),
         "END_BEFORE_START", ["end_date_time"]),
        (document(element("ENERGY 1")), "{}{}", "FILE_MALFORMED", ["1"]),
        (document(element("ENERGY 1")), "[]", "INVALID_VALUE", ["cdr"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_field(
    shell: Shell, tmp_path: Path, tariff: Any, charged: Any, code: str, path: list[str]
) -> None:
    files = written(tmp_path, "tariff.json", tariff), written(tmp_path, "cdr.json", charged)
    assert shell.refusal("price", *files) == (code, path)


def test_what_cannot_be_priced_is_refused(shell: Shell, tmp_path: Path) -> None:
    tariff = written(tmp_path, "tariff.json", document(element("ENERGY 1")))
    charged = written(tmp_path, "cdr.json", cdr())
    assert shell.refusal("price", tariff) == ("INVALID_VALUE", ["cdr"])
    assert shell.refusal("price", charged) == ("FIELD_MISSING", ["tariffs"])
    broken = written(tmp_path, "broken.json", cdr(tariffs=[document(element("HEAT 1"))]))
    assert shell.refusal("price", broken) == (
        "TARIFF_COMPONENT_UNKNOWN", ["tariffs", "0", "elements", "0", "price_components", "0", "type"]
    )  # fmt: skip
    assert shell.refusal("price", tariff, charged, "--zone", "Berlin") == (
        "INVALID_VALUE",
        ["zone"],
    )
    large = written(tmp_path, "large.json", " " * (1024 * 1024 + 1))
    assert shell.refusal("price", large, charged) == ("FILE_TOO_LARGE", ["large.json"])


def test_every_doubt_is_said_in_words() -> None:
    assert set(_DOUBTS) == set(Doubt)
