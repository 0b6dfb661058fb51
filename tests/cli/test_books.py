"""`coop post`, `balance`, `trial-balance`, `seal`, `close`, `export`, `verify`: one cooperative's books."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.cli.conftest import Shell, own_cooperative

OPENING = {
    "entry_id": "opening", "effective_on": "2025-01-01", "kind": "opening", "memo": "Opening",
    "postings": [
        {"account_code": "1000", "debit": "1000.00"},
        {"account_code": "2500", "member": "A", "credit": "400.00"},
        {"account_code": "3500", "credit": "600.00"},
    ],
}  # fmt: skip


def fee(day: str, amount: str, **changes: Any) -> dict[str, Any]:
    postings = [
        {"account_code": "6700", "debit": amount}, {"account_code": "1000", "credit": amount},
    ]  # fmt: skip
    return {"effective_on": day, "kind": "bank_fee", "memo": "Fee", "postings": postings} | changes


def journal(tmp_path: Path, *entries: Any) -> Path:
    path = tmp_path / "journal.json"
    path.write_bytes(orjson.dumps(list(entries)))
    return path


@pytest.fixture
def books(own: Shell, tmp_path: Path) -> Shell:
    """A cooperative with member A and an opening entry."""
    own.text("member", "admit", "Anna", "--number", "A")
    own.text("post", journal(tmp_path, OPENING))
    return own


def test_entries_are_posted_each_with_its_outcome(books: Shell, tmp_path: Path) -> None:
    path = journal(
        tmp_path, fee("2025-01-31", "4.50"), fee("2025-01-31", "4.50"), fee("2025-02-28", 4.5),
        fee("2025-02-28", "1e2"), fee("soon", "1.00"), fee("2025-02-28", "0.001"),
        fee("2025-02-28", "0.00"), fee("2025-02-28", "1.00", colour="red"),
        fee("2025-02-28", "1.00", postings=[{"account_code": "1000", "debit": "1.00"}]),
        fee("2025-02-28", "1.00", postings=[
            {"account_code": "2500", "debit": "1.00"}, {"account_code": "1000", "credit": "1.00"},
        ]),
        fee("2025-02-28", "1.00", postings=[
            {"account_code": "6700", "debit": "1.00"}, {"account_code": "1000", "credit": "2.00"},
        ]),
        fee("2025-02-28", "1.00", postings=[
            {"account_code": "6700", "debit": "1.00"},
            {"account_code": "2500", "member": "B", "credit": "1.00"},
        ]),
    )  # fmt: skip
    found = books.json("post", path, code=1)
    counts = {name: found[name] for name in ("entries", "posted", "replayed", "refused")}
    assert counts == {"entries": 12, "posted": 2, "replayed": 0, "refused": 10}
    refusals = [
        (one["error"]["code"], ".".join(one["error"]["path"])) for one in found["outcomes"][2:]
    ]
    assert refusals == [
        ("INVALID_VALUE", "postings.0.debit"),
        ("INVALID_VALUE", "postings.0.debit"),
        ("INVALID_VALUE", "effective_on"),
        ("INVALID_VALUE", "postings.0.debit"),
        ("AMOUNT_ZERO", "postings.0.amount"),
        ("INVALID_VALUE", "colour"),
        ("ENTRY_TOO_SHORT", "postings"),
        ("ACCOUNT_UNKNOWN", "postings.0.account_code"),
        ("ENTRY_UNBALANCED", "postings"),
        ("ACCOUNT_UNKNOWN", "postings.1.member"),
    ]
    (bank,) = books.json("balance", "--account", "1000")["balances"]
    assert (bank["balance"], bank["available"]) == ("991.00", "991.00")


def test_posting_a_file_again_posts_nothing_twice(books: Shell, tmp_path: Path) -> None:
    first = journal(tmp_path, fee("2025-01-31", "4.50"), fee("2025-01-31", "4.50"))
    ids = [one["entry_id"] for one in books.json("post", first)["outcomes"]]
    again = books.json("post", first)
    assert (again["posted"], again["replayed"]) == (0, 2)
    assert [one["entry_id"] for one in again["outcomes"]] == ids
    more = books.json(
        "post", journal(tmp_path, fee("2025-01-31", "4.50"), fee("2025-02-28", "4.50"))
    )
    assert (more["posted"], more["replayed"]) == (1, 1)


def test_a_refusal_is_tried_again_when_its_reason_has_gone(books: Shell, tmp_path: Path) -> None:
    entry = fee("2025-03-31", "1.00", postings=[
        {"account_code": "6700", "debit": "1.00"},
        {"account_code": "2500", "member": "B", "credit": "1.00"},
    ])  # fmt: skip
    path = journal(tmp_path, entry)
    assert books.json("post", path, code=1)["refused"] == 1
    books.text("member", "admit", "Berta", "--number", "B")
    assert books.json("post", path)["posted"] == 1
    assert books.json("post", path)["replayed"] == 1


def test_an_idempotency_key_of_ones_own_is_kept_to(books: Shell, tmp_path: Path) -> None:
    books.text("post", journal(tmp_path, fee("2025-01-31", "1.00", idempotency_key="fee-1")))
    other = journal(tmp_path, fee("2025-01-31", "2.00", idempotency_key="fee-1"))
    (outcome,) = books.json("post", other, code=1)["outcomes"]
    assert outcome["error"]["code"] == "IDEMPOTENCY_MISMATCH"


def test_an_export_can_be_posted_into_another_cooperative(books: Shell, tmp_path: Path) -> None:
    path = tmp_path / "journal.csv"
    books.text("export", "csv", "--output", path)
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    assert [(row["account_code"], row["debit"], row["credit"]) for row in rows] == [
        ("1000", "1000.00", ""), ("2500", "", "400.00"), ("3500", "", "600.00"),
    ]  # fmt: skip
    other = own_cooperative(books)
    other.text("member", "admit", "Anna", "--number", "A")
    assert other.json("post", path)["posted"] == 1
    (loan,) = other.json("balance", "--member", "A")["balances"]
    assert (loan["account"], loan["member"], loan["balance"]) == ("2500", "A", "400.00")


@pytest.mark.parametrize(
    ("content", "path"),
    [
        (b"[{", []),
        (b'{"entry_id": 1', []),
        (b"\xff\xfe[", []),
        (b"entry_id,effective_on\n", ["columns"]),
        (b"entry_id,effective_on,account_code,debit,credit,colour\n", ["columns"]),
    ],
)
def test_a_file_that_cannot_be_read(
    shell: Shell, tmp_path: Path, content: bytes, path: list[str]
) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    assert shell.refusal("post", file) == ("JOURNAL_FILE_INVALID", path)
    shell.result("post", tmp_path / "absent", code=2)


def test_balances_of_a_day_and_the_trial_balance(books: Shell, tmp_path: Path) -> None:
    books.text("post", journal(tmp_path, fee("2025-01-31", "4.50"), fee("2025-02-28", "5.50")))
    (bank,) = books.json("balance", "--account", "1000", "--as-of", "2025-01-31")["balances"]
    assert bank | {"account_id": ""} == {
        "account": "1000", "name": "Bank", "account_id": "", "member": None, "hub": None,
        "vintage": None, "commodity": "NOK", "balance": "995.50", "available": "995.50",
    }  # fmt: skip
    found = books.json("trial-balance", "--as-of", "2025-01-31")
    lines = [(line["account"], line["debit"], line["credit"]) for line in found["lines"]]
    assert lines == [
        ("1000", "1000.00", "4.50"), ("2500", "0.00", "400.00"), ("3500", "0.00", "600.00"),
        ("6700", "4.50", "0.00"),
    ]  # fmt: skip
    total = {"commodity": "NOK", "debit": "1004.50", "credit": "1004.50"}
    assert found["totals"] == [total]
    before = books.json("trial-balance", "--known-at", "2020-01-01T00:00:00Z")
    assert before["totals"] in ([], [{"commodity": "NOK", "debit": "0.00", "credit": "0.00"}])
    assert books.refusal("balance", "--known-at", "2025-01-01T00:00:00") == (
        "INVALID_VALUE", ["known_at"],
    )  # fmt: skip
    assert books.refusal("trial-balance", "--fund", "NONE") == ("NOT_FOUND", ["fund"])
    assert books.refusal("balance", "--member", "Z") == ("NOT_FOUND", ["member"])


def test_months_close_oldest_first_and_take_nothing_more(books: Shell, tmp_path: Path) -> None:
    books.text("post", journal(tmp_path, fee("2025-02-28", "5.50")))
    assert books.refusal("close", "2025-02") == ("PERIOD_ORDER", [])
    assert books.refusal("close", "2030-01") == ("PERIOD_UNKNOWN", ["month"])
    assert books.refusal("close", "January") == ("INVALID_VALUE", ["month"])
    assert books.json("close", "2025-01") == {
        "cooperative": books.slug, "month": "2025-01", "state": "closed", "seal": 1,
    }  # fmt: skip
    assert books.refusal("close", "2025-01") == ("PERIOD_NOT_OPEN", [])
    late = journal(tmp_path, fee("2025-01-31", "1.00"))
    (outcome,) = books.json("post", late, code=1)["outcomes"]
    error = outcome["error"]
    assert (error["code"], error["path"]) == ("PERIOD_CLOSED", ["effective_on"])


def test_sealed_books_verify_and_changed_ones_do_not(books: Shell) -> None:
    sealed = books.json("seal")
    assert (sealed["cooperative"], sealed["seal"]) == (books.slug, 1)
    assert books.json("seal") == sealed
    (found,) = books.json("verify")["cooperatives"]
    assert (found["ok"], found["entries"], found["unsealed"], found["head"]) == (
        True, 1, 0, sealed["head"],
    )  # fmt: skip
    _as_admin(
        books,
        "UPDATE posting SET amount_minor = -60001 WHERE amount_minor = -60000 AND cooperative_id = "
        f"(SELECT cooperative_id FROM cooperative WHERE slug = '{books.slug}')",
    )
    broken = books.json("verify", code=3)
    assert broken["ok"] is False
    assert broken["cooperatives"][0]["first_broken_link"]["code"] == "ENTRY_CHANGED"
    assert "ENTRY_CHANGED" in books.result("verify", code=3).stderr


def _as_admin(shell: Shell, statement: str) -> None:
    """Change the database behind the program's back, as a thief with the disk would."""
    code = (
        "import sys, asyncio, asyncpg\nfrom pathlib import Path\nfrom coop.db import embedded\n"
        "cluster = embedded.start(Path(sys.argv[1]))\n"
        "async def go():\n"
        "    c = await asyncpg.connect(cluster.url('postgres'))\n"
        "    await c.execute('SET session_replication_role = replica')\n"
        "    print(await c.execute(sys.argv[2]))\n    await c.close()\n"
        "asyncio.run(go())\ncluster.stop()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(shell.data_dir), statement],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.strip() == "UPDATE 1"


def test_other_programs_read_the_journal(books: Shell, tmp_path: Path) -> None:
    path = tmp_path / "books.beancount"
    books.text("export", "beancount", "-o", path)
    subprocess.run([Path(sys.executable).with_name("bean-check"), path], check=True)
    assert "account Assets:1000 Bank" in books.text("export", "hledger")
    books.result("export", "excel", code=2)
