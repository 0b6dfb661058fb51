"""`coop cooperative profile` and `coop member profile`: said in parts, kept by day, refused whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Shell

OURS = (
    "--legal-name", "Nor SA", "--line", "Kaia 1", "--postal-code", "7010", "--city", "Trondheim",
    "--country", "NO", "--vat-id", "NO 974 760 673 MVA", "--iban", "NO93 8601 1117 947",
    "--payment-days", "30", "--tax", "VAT=25", "--from", "2025-01-01",
)  # fmt: skip


def test_a_cooperative_is_named_in_parts(own: Shell) -> None:
    assert own.refusal("cooperative", "profile", "show") == ("NOT_FOUND", [])
    made = own.json("cooperative", "profile", "set", *OURS)
    assert made["address"] == {
        "lines": ["Kaia 1"], "postal_code": "7010", "city": "Trondheim", "country": "NO",
    }  # fmt: skip
    assert (made["vat_id"], made["iban"], made["payment_days"], made["dispute_days"]) == (
        "NO974760673MVA", "NO9386011117947", 30, 60,
    )  # fmt: skip
    assert made["taxes"] == [{"name": "VAT", "percent": "25"}]
    changed = own.json(
        "cooperative", "profile", "set", "--line", "Kaia 2", "--iban", "", "--from", "2025-06-01"
    )
    assert (changed["address"]["lines"], changed["iban"]) == (["Kaia 2"], None)
    assert changed["vat_id"] == "NO974760673MVA"
    assert own.json("cooperative", "profile", "show", "--on", "2025-05-31") == made
    assert own.json("cooperative", "profile", "show") == changed
    assert "Kaia 2, 7010 Trondheim, NO" in own.text("cooperative", "profile", "show")


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        (("--vat-id", "NO974760674MVA"), ("VAT_ID_INVALID", ["vat_id"])),
        (("--iban", "NO9386011117948"), ("IBAN_INVALID", ["iban"])),
        (("--country", "Norway"), ("INVALID_VALUE", ["country"])),
        (("--tax", "VAT=much"), ("INVALID_VALUE", [])),
    ],
)
def test_what_cannot_be_is_refused(
    own: Shell, options: tuple[str, ...], refusal: tuple[str, list[str]]
) -> None:
    own.text("cooperative", "profile", "set", *OURS)
    assert own.refusal("cooperative", "profile", "set", *options) == refusal


def test_the_first_profile_needs_an_address(own: Shell) -> None:
    code, path = own.refusal("cooperative", "profile", "set", "--legal-name", "Nor SA")
    assert (code, path) == ("INVALID_VALUE", ["lines"])


def test_members_are_named_one_by_one_or_by_a_file(own: Shell, tmp_path: Path) -> None:
    for number in ("A", "B", "C"):
        own.text("member", "admit", f"Member {number}", "--number", number)
    address = (
        "--line",
        "Gata 2",
        "--postal-code",
        "7011",
        "--city",
        "Trondheim",
        "--country",
        "NO",
    )
    made = own.json("member", "profile", "set", "A", *address, "--locale", "nb")
    assert (made["legal_name"], made["locale"]) == ("Member A", "nb")
    file = tmp_path / "members.csv"
    file.write_text(
        "number,legal_name,line1,line2,postal_code,city,country,vat_id\n"
        'B,"Brandt, Taxi GmbH",Hof 2,Am Kai 7,20457,Hamburg,DE,DE 136 695 976\n'
        "A,,Gata 3,,,,,\n"
    )
    assert own.json("member", "profile", "import", file)["set"] == 2
    brandt = own.json("member", "profile", "show", "B")
    assert (brandt["legal_name"], brandt["vat_id"]) == ("Brandt, Taxi GmbH", "DE136695976")
    assert own.json("member", "profile", "show", "A")["address"]["lines"] == ["Gata 3"]
    assert own.refusal("member", "profile", "show", "C") == ("NOT_FOUND", [])


def test_a_file_with_one_bad_row_sets_nothing(own: Shell, tmp_path: Path) -> None:
    own.text("member", "admit", "Member A", "--number", "A")
    file = tmp_path / "members.csv"
    head = "number,line1,postal_code,city,country\n"
    file.write_text(f"{head}A,Gata 2,7011,Trondheim,NO\nZ,Gata 2,7011,Trondheim,NO\n")
    assert own.refusal("member", "profile", "import", file) == ("NOT_FOUND", ["Z"])
    file.write_text(f"{head}A,Gata 2,7011,Trondheim,XX\n")
    assert own.refusal("member", "profile", "import", file) == ("INVALID_VALUE", ["A", "country"])
    file.write_text("nummer,line1\nA,Gata 2\n")
    assert own.refusal("member", "profile", "import", file) == ("INVALID_VALUE", ["file"])
    for content in (b"\xff\xfe", f"{head}A,1,2,3,NO,more\n".encode(), b'number\n"A'):
        file.write_bytes(content)
        assert own.refusal("member", "profile", "import", file) == ("INVALID_VALUE", ["file"])
    assert own.refusal("member", "profile", "show", "A") == ("NOT_FOUND", [])
