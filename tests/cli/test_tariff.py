"""Tariffs, re-rating, interruptions and classes from a shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.charging.domain.sample import dumped
from tests.charging.priced import march
from tests.cli.conftest import Shell

TARIFF = {
    "id": "t", "currency": "NOK",
    "elements": [{"price_components": [
        {"type": "ENERGY", "price": 3, "step_size": 1, "taxes": [{"name": "VAT", "percent": "25"}]}
    ]}],
}  # fmt: skip


@pytest.fixture
def tariff(tmp_path: Path) -> Path:
    path = tmp_path / "tariff.json"
    path.write_text(json.dumps(TARIFF))
    return path


def cheaper(path: Path) -> Path:
    path.write_text(json.dumps(TARIFF).replace('"price": 3', '"price": 0.30'))
    return path


@pytest.fixture
def charged(own: Shell, tmp_path: Path, tariff: Path) -> Shell:
    """A hub of the first session, charged by the tariff of every hub."""
    cdrs = tmp_path / "cdrs.json"
    cdrs.write_bytes(dumped(march(2)))
    own.json("tariff", "set", tariff, "--from", "2026-01-01T00:00:00Z", "--resolution", "GM 1")
    assert own.json("import", "cdrs", cdrs, "--register-hubs")["accepted"] == 1
    return own


def test_a_tariff_is_set_listed_and_shown(charged: Shell, tariff: Path) -> None:
    made = charged.json(
        "tariff", "set", tariff, "--hub", "h1", "--class", "Taxi", "--name", "Taxis",
        "--from", "2026-03-01T00:00:00Z",
    )  # fmt: skip
    assert made | {"id": "", "sha256": "", "set_at": ""} == {
        "id": "", "hub": "h1", "class": "taxi", "version": 1, "from": "2026-03-01T00:00:00Z",
        "name": "Taxis", "currency": "NOK", "corrects": None, "resolution": None, "sha256": "",
        "document": '{"currency":"NOK","elements":[{"price_components":[{"price":3,"step_size":1,'
        '"taxes":[{"name":"VAT","percent":"25"}],"type":"ENERGY"}]}],"id":"t"}',
        "text": ["Energy: 3.00 NOK per kWh plus 25 % VAT."], "set_by": "system", "set_at": "",
    }  # fmt: skip
    listed = charged.json("tariff", "list")["tariffs"]
    assert [(t["hub"], t["class"], t["name"], t["resolution"]) for t in listed] == [
        (None, None, "3 NOK/kWh", "GM 1"), ("H1", "taxi", "Taxis", None)
    ]  # fmt: skip
    shown = ("tariff", "show", "--hub", "H1", "--at", "2026-03-02T00:00:00Z")
    assert charged.json(*shown, "--class", "taxi")["name"] == "Taxis"
    assert "Energy: 3.00 NOK per kWh plus 25 % VAT." in charged.text(*shown)
    none = ("tariff", "show", "--hub", "H1", "--at", "2020-01-01T00:00:00Z")
    assert charged.json(*none) is None
    again = ("tariff", "set", tariff, "--from", "2026-01-01T00:00:00Z")
    assert charged.refusal(*again) == ("TARIFF_TAKEN", ["from"])
    tariff.write_text("{}")
    assert charged.refusal("tariff", "set", tariff, "--from", "2026-01-01T00:00:00Z")[0] == (
        "TARIFF_INVALID"
    )
    assert charged.refusal("tariff", "set", tariff, "--from", "yesterday") == (
        "INVALID_VALUE", ["from"]
    )  # fmt: skip


def test_sessions_are_rated_anew(charged: Shell, tariff: Path) -> None:
    charged.json("tariff", "set", cheaper(tariff), "--from", "2026-01-01T00:00:00Z", "--correct")
    anew = ("session", "rerate", "--hub", "H1", "--from", "2026-03-01", "--reason", "Mistyped")
    assert charged.json(*anew) | {"sessions": []} == {
        "looked_at": 1, "rerated": 1, "difference": "-33.32", "currency": "NOK", "sessions": [],
    }  # fmt: skip
    assert charged.json("session", "rerate", "CDR-2", "--reason", "Again")["rerated"] == 0
    charges = charged.json("session", "show", "cdr-2")["charges"]
    assert [(c["net"], c["tax"], c["reason"]) for c in charges] == [
        ("37.02", "9.255", None), ("-37.02", "-9.255", "Mistyped"), ("3.70", "0.925", "Mistyped")
    ]  # fmt: skip
    assert charges[2]["replaces"] == charges[0]["id"] == charges[1]["credit_of"]
    assert charges[2]["lines"] == [
        {"kind": "ENERGY", "element": 0, "description": "Energy", "quantity": "12.34",
         "unit": "kWh", "unit_price": "0.3", "net": "3.70",
         "taxes": [{"name": "VAT", "percent": "25"}], "tax": "0.925"}
    ]  # fmt: skip
    assert "Mistyped" in charged.text("session", "show", "CDR-2")
    for wrong in (("CDR-9",), ("--hub", "H9")):
        assert charged.refusal("session", "rerate", *wrong, "--reason", "x")[0] == "NOT_FOUND"
    assert charged.refusal("session", "rerate", "--reason", "x") == ("INVALID_VALUE", ["hub"])


def test_interruptions_are_recorded_ended_and_listed(charged: Shell) -> None:
    record = ("interruption", "record", "--hub", "H1", "--cause", "OUTAGE_GRID")
    made = charged.json(*record, "--from", "2026-03-02T08:00:00Z", "--note", "Storm")
    assert made | {"id": "", "recorded_at": ""} == {
        "id": "", "hub": "H1", "port_id": None, "from": "2026-03-02T08:00:00Z", "to": None,
        "cause": "OUTAGE_GRID", "note": "Storm", "recorded_by": "system", "recorded_at": "",
    }  # fmt: skip
    assert charged.refusal(*record, "--from", "2026-03-02T09:00:00Z")[0] == "INTERRUPTION_UNDERWAY"
    end = ("interruption", "end", made["id"])
    assert charged.refusal(*end, "--to", "2026-03-02T07:00:00Z") == ("INVALID_VALUE", ["to"])
    ended = charged.json(*end, "--to", "2026-03-02T09:00:00Z")
    assert charged.json("interruption", "list", "--hub", "H1") == {"interruptions": [ended]}
    assert charged.json("interruption", "list", "--from", "2026-03-03T00:00:00Z") == {
        "interruptions": []
    }
    other = ("--from", "2026-03-02T09:00:00Z", "--port", "P9")
    assert charged.refusal(*record, *other) == ("NOT_FOUND", ["port"])


def test_a_member_has_a_class(own: Shell) -> None:
    number = own.json("member", "admit", "Anna")["number"]
    found = own.json("member", "class", number, "Taxi", "--from", "2026-03-01")
    assert found == {
        "member": number, "classes": [{"class": "taxi", "from": "2026-03-01", "to": None}]
    }  # fmt: skip
    assert own.json("member", "class", number) == found
    ended = own.json("member", "class", number, "", "--from", "2026-04-01")["classes"]
    assert ended == [{"class": "taxi", "from": "2026-03-01", "to": "2026-04-01"}]
    assert own.refusal("member", "class", number, "guest") == ("INVALID_VALUE", ["class"])
    assert own.refusal("member", "class", "9999", "taxi") == ("NOT_FOUND", ["member"])
