"""`coop bank`, `coop payment`, `coop mandate`: what they print and what they refuse."""

from __future__ import annotations

import secrets
from datetime import date
from pathlib import Path

import pytest

from coop.billing.domain.mandate import next_business_day
from coop.kernel.clock import utc_now
from tests.billing.bank import CREDITOR
from tests.billing.bank_files import ANNA_IBAN, BO_IBAN, OUR_IBAN, Entry, camt, mt940
from tests.cli.conftest import Shell


@pytest.fixture
def bank(shell: Shell) -> Shell:
    """A cooperative in euro with Anna and an account at a bank."""
    found = Shell(shell.data_dir)
    slug = f"c{secrets.token_hex(6)}"
    found.text(
        "cooperative", "create", "--slug", slug, "--name", "Nor eG", "--currency", "EUR",
        "--time-zone", "Europe/Berlin",
    )  # fmt: skip
    found.env["COOP_COOPERATIVE"] = found.slug = slug
    found.text("member", "admit", "Anna Ås", "--number", "0001", "--joined-on", "2026-01-01")
    made = found.json(
        "bank", "account", "add", OUR_IBAN, "--name", "Nor eG", "--creditor-id", CREDITOR
    )
    assert (made["iban"], made["account_code"]) == (OUR_IBAN, "1000")
    return found


def saved(folder: Path, data: bytes, name: str = "file.xml") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def test_a_file_is_read_once_and_says_what_waits(bank: Shell, tmp_path: Path) -> None:
    path = saved(tmp_path, camt(Entry(1_250, "abc", iban=ANNA_IBAN), Entry(-350, "Entgelt")))
    found = bank.json("bank", "import", path)
    lines = found.pop("outcomes")
    assert found == {
        "kind": "camt.053", "lines": 2, "known": 0, "repeated": False, "posted": 0,
        "unmatched": 2, "missing": "0.00",
    }  # fmt: skip
    assert [(one["amount"], one["state"], one["why"]) for one in lines] == [
        ("12.50", "unmatched", "Nothing in the books fits it."),
        ("-3.50", "unmatched", "Nothing in the books fits it."),
    ]
    assert bank.json("bank", "import", path)["repeated"] is True
    assert "read before" in bank.text("bank", "import", path)
    ruled = bank.json("bank", "rule", "fees", "--contains", "ENTGELT", "--account", "6700")
    assert [one["text"] for one in ruled["lines"]] == ["Entgelt"]
    bank.text("bank", "rule", "fees", "--end")
    assert bank.refusal("bank", "rule", "fees", "--end") == ("NOT_FOUND", [])
    (waiting,) = bank.json("bank", "unmatched")["lines"]
    assert "abc" in bank.text("bank", "unmatched")
    assert bank.json("bank", "rematch") == {"lines": []}
    done = bank.json("bank", "assign", waiting["id"], "--member", "0001")
    assert [one["state"] for one in done["lines"]] == ["posted"]
    assert bank.refusal("bank", "assign", waiting["id"], "--member", "0001") == (
        "BANK_LINE_SETTLED", ["lineId"],
    )  # fmt: skip
    balances = {one["account"]: one["balance"] for one in bank.json("balance")["balances"]}
    assert (balances["1000"], balances["1200"]) == ("9.00", "-12.50")


def test_mt940_goes_on_where_camt_ended(bank: Shell, tmp_path: Path) -> None:
    bank.json("bank", "import", saved(tmp_path, camt(Entry(500, "a"))))
    path = saved(tmp_path, mt940(Entry(700, "b", on="2026-04-21"), opening=500), "file.sta")
    assert "1 lines: 0 known, 0 posted, 1 unmatched." in bank.text("bank", "import", path)
    later = saved(tmp_path, camt(Entry(1, "c", on="2026-05-01"), opening=9_999, name="S9"), "l")
    assert "a statement in between is missing" in bank.text("bank", "import", later)


def test_what_is_no_file_of_ours_is_refused(bank: Shell, tmp_path: Path) -> None:
    whole = camt(Entry(500, "a"))
    for data, code in (
        (whole[:300], "BANK_FILE_MALFORMED"), (b"hello", "BANK_FILE_MALFORMED"),
        (camt(Entry(5), iban=BO_IBAN), "BANK_ACCOUNT_UNKNOWN"),
        (camt(Entry(5), off_by=1), "BANK_FILE_UNBALANCED"),
    ):  # fmt: skip
        assert bank.refusal("bank", "import", saved(tmp_path, data)) == (code, ["file"])
    assert bank.json("bank", "unmatched") == {"lines": []}


def test_payments_are_recorded_listed_and_returned(bank: Shell) -> None:
    made = bank.json("payment", "record", "0001", "12.50", "--on", "2026-04-02", "--key", "k")
    assert (made["amount"], made["on_account"], made["replayed"]) == ("12.50", "12.50", False)
    again = bank.json("payment", "record", "0001", "12.50", "--on", "2026-04-02", "--key", "k")
    assert (again["id"], again["replayed"]) == (made["id"], True)
    back = bank.json("payment", "return", made["id"], "--reason", "AC04", "--charge", "3.50")
    assert (back["return_reason"], back["return_charge"]) == ("AC04", "3.50")
    (listed,) = bank.json("payment", "list", "--member", "0001")["payments"]
    assert (listed["member"], listed["on_account"]) == ("0001", "0.00")
    assert "AC04" in bank.text("payment", "list")
    assert bank.refusal("payment", "return", made["id"], "--reason", "x")[0] == "PAYMENT_RETURNED"
    assert bank.refusal("payment", "record", "0009", "1") == ("NOT_FOUND", ["member"])
    assert bank.refusal("payment", "record", "0001", "1.005") == ("INVALID_VALUE", ["amount"])


def test_mandates_are_kept_listed_and_revoked(bank: Shell) -> None:
    given = ("0001", "M-1", ANNA_IBAN, "--signed-on", "2026-01-05")
    made = bank.json("mandate", "add", *given)
    assert (made["holder"], made["iban"], made["sequence"]) == ("Anna Ås", "DE75 … 6199", "FRST")
    assert bank.json("mandate", "add", *given) == made
    assert "since 2026-01-05" in bank.text("mandate", "add", *given)
    assert bank.json("mandate", "list") == {"mandates": [made]}
    assert "DE75 … 6199" in bank.text("mandate", "list")
    ended = bank.json("mandate", "revoke", "M-1", "--on", "2026-06-01")
    assert ended["revoked_on"] == "2026-06-01"
    assert bank.refusal("mandate", "revoke", "M-1")[0] == "MANDATE_REVOKED"
    wrong = ("0001", "M-2", ANNA_IBAN[:-1] + "8", "--signed-on", "2026-01-05")
    assert bank.refusal("mandate", "add", *wrong) == ("IBAN_INVALID", ["iban"])


def test_collecting_nothing_writes_no_file(bank: Shell, tmp_path: Path) -> None:
    day: date = utc_now().date()
    for _ in range(4):
        day = next_business_day(day)
    out = tmp_path / "debit.xml"
    assert bank.refusal("bank", "collect", "--on", day, "--out", out)[0] == "COLLECTION_EMPTY"
    assert bank.refusal("bank", "file", "C1", "--out", out)[0] == "NOT_FOUND"
    assert bank.refusal("bank", "cancel", "C1")[0] == "NOT_FOUND"
    nowhere = tmp_path / "no" / "debit.xml"
    told = bank.refusal("bank", "collect", "--on", day, "--out", nowhere)
    assert told == ("INVALID_VALUE", ["out"])
    assert not out.exists()
    assert OUR_IBAN in bank.text("bank", "account", "list")
