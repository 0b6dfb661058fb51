"""Importing, closing and issuing through the API: what comes of it, again, at once, and when it is wrong."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest

from coop.schema.imports import SessionFileFormat
from tests.charging.domain.sample import cdr, dumped
from tests.schema.office import CAUTIOUS, SESSIONS, Office

pytestmark = pytest.mark.anyio

IMPORTED = """accepted rejected duplicates review energy amount { amount currency }
  rejections { line field code reason }"""
PERIOD = "period { from to state sealNumber closedAt }"
MUTATION = """mutation($input: ChargingSessionsImportInput!) {
  chargingSessionsImport(input: $input) { accepted errors { code } } }"""


def file_input(office: Office, key: str = "i1", **changes: Any) -> dict[str, Any]:
    return {
        "idempotencyKey": key, "cooperativeId": office.node, "format": "CSV", "content": SESSIONS,
        "mapping": CAUTIOUS, "fileName": "january.csv", **changes,
    }  # fmt: skip


async def imported(office: Office, key: str = "i1", **changes: Any) -> Any:
    given = file_input(office, key, **changes)
    return await office.api().order("chargingSessionsImport", IMPORTED, **given)


async def test_an_import_counts_every_row(desk: Office) -> None:
    bad = "X9;ada;s5;2026-02-06 08:00:00;2026-02-06 09:00:00;1\n"
    twice = "H1;ada;s1;2026-01-10 08:00:00;2026-01-10 10:00:00;10\n"
    payload = await imported(desk, content=SESSIONS + bad + twice)
    (rejection,) = payload.pop("rejections")
    assert "X9" in rejection.pop("reason")
    assert rejection == {"line": 6, "field": "hub", "code": "HUB_UNKNOWN"}
    first = {
        "replayed": False, "errors": [], "accepted": 4, "rejected": 1, "duplicates": 1, "review": 0,
        "energy": "24.750", "amount": {"amount": "79.75", "currency": "NOK"},
    }  # fmt: skip
    assert payload == first
    ada = await desk.api().node(desk.member("ada"), "... on Member { balance { due { amount } } }")
    assert ada == {"balance": {"due": {"amount": "52.00"}}}
    before = await desk.moved()
    again = await imported(desk, content=SESSIONS + bad + twice)
    assert again.pop("rejections")[0]["line"] == 6
    assert again == {**first, "replayed": True}
    anew = await imported(desk, "i2", content=SESSIONS + bad + twice)
    assert (anew["accepted"], anew["duplicates"], anew["rejected"]) == (0, 5, 1)
    assert await desk.moved() == before


async def test_cdrs_are_imported_as_json(desk: Office) -> None:
    document = cdr(currency="NOK", cdr_token={"uid": "ada"})
    payload = await imported(desk, format="CDR", content=dumped(document).decode(), mapping=None)
    assert (payload["errors"], payload["accepted"], payload["rejected"]) == ([], 1, 0)
    assert (payload["energy"], payload["amount"]["amount"]) == ("12.340", "37.02")


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"mapping": None}, "INVALID_VALUE", ["mapping"]),
        ({"mapping": "x"}, "MAPPING_INVALID", None),
        ({"mapping": CAUTIOUS.replace('"kwh"', '"energie"')}, "MAPPING_COLUMN_MISSING", None),
        ({"content": ""}, "FILE_EMPTY", None),
        ({"format": "CDR", "content": "{", "mapping": None}, None, None),
        ({"fileName": ""}, "INVALID_VALUE", ["fileName"]),
        ({"fileName": "a\0b"}, "INVALID_VALUE", ["fileName"]),
        ({"fileName": "x" * 256}, "INVALID_VALUE", ["fileName"]),
        ({"cooperativeId": "x"}, "NOT_FOUND", ["cooperativeId"]),
    ],
)
async def test_files_that_cannot_be_read(
    desk: Office, changes: dict[str, Any], code: str | None, path: list[str] | None
) -> None:
    before = await desk.moved()
    payload = await imported(desk, **changes)
    if code is None:  # a broken document is a refused row
        assert (payload["accepted"], payload["errors"]) == (0, []) or payload["errors"]
    else:
        (error,) = payload["errors"]
        assert error["code"] == code
        assert path is None or error["path"] == path
    assert await desk.moved() == before


async def test_another_file_under_the_key_is_a_mismatch(desk: Office) -> None:
    await imported(desk)
    before = await desk.moved()
    for changes in (
        {"content": SESSIONS + "\n"},
        {"mapping": CAUTIOUS + "\n"},
        {"fileName": "b.csv"},
    ):
        payload = await imported(desk, **changes)
        assert [error["code"] for error in payload["errors"]] == ["IDEMPOTENCY_MISMATCH"]
    assert await desk.moved() == before


async def test_twin_imports_are_one(desk: Office) -> None:
    answers = await asyncio.gather(*(imported(desk) for _ in range(4)))
    assert sorted(answer.pop("replayed") for answer in answers) == [False, True, True, True]
    assert [answer["accepted"] for answer in answers] == [4, 4, 4, 4]


async def test_bodies_have_their_limits(desk: Office) -> None:
    large = SESSIONS + "\n" * 300_000
    answer = await desk.api().post(MUTATION, {"input": file_input(desk, content=large)})
    assert answer.json()["data"]["chargingSessionsImport"] == {"accepted": 4, "errors": []}
    board = await desk.api("board").post(MUTATION, {"input": file_input(desk, content=large)})
    assert (board.status_code, board.json()["errors"][0]["extensions"]["code"]) == (
        413,
        "BODY_TOO_LARGE",
    )
    before = await desk.moved()
    huge = file_input(desk, "i2", content="x" * (8 * 1024 * 1024))
    answer = await desk.api().post(MUTATION, {"input": huge})
    assert answer.status_code == 413
    query = await desk.api().post("{ viewer { subject } }", {"padding": "x" * 300_000})
    assert query.status_code == 413
    assert await desk.moved() == before


async def months(office: Office) -> list[dict[str, str]]:
    found = await office.api().node(office.node, "... on Cooperative { periods { id from state } }")
    periods: list[dict[str, str]] = found["periods"]
    return periods


async def close(office: Office, period: str, key: str = "c1") -> Any:
    return await office.api().order("periodClose", PERIOD, idempotencyKey=key, periodId=period)


async def test_months_close_oldest_first_and_once(desk: Office) -> None:
    await imported(desk)
    january, february = await months(desk)
    (error,) = (await close(desk, february["id"], "early"))["errors"]
    assert error["code"] == "PERIOD_ORDER"
    assert [month["state"] for month in await months(desk)] == ["OPEN", "OPEN"]
    payload = await close(desk, january["id"])
    assert payload["period"].pop("closedAt").endswith("Z")
    assert payload == {
        "replayed": False, "errors": [],
        "period": {"from": "2026-01-01", "to": "2026-02-01", "state": "CLOSED", "sealNumber": 1},
    }  # fmt: skip
    again = await close(desk, january["id"])
    assert (again["replayed"], again["errors"], again["period"]["state"]) == (True, [], "CLOSED")
    assert (await close(desk, february["id"]))["errors"][0]["code"] == "IDEMPOTENCY_MISMATCH"
    assert (await close(desk, january["id"], "c2"))["errors"][0]["code"] == "PERIOD_NOT_OPEN"
    for nonsense in ("", desk.node, desk.named("Period", desk.id)):
        (error,) = (await close(desk, nonsense, "c3"))["errors"]
        assert error["code"] in {"NOT_FOUND", "PERIOD_UNKNOWN"}


async def test_twin_closings_are_one(desk: Office) -> None:
    await imported(desk)
    january, _ = await months(desk)
    answers = await asyncio.gather(*(close(desk, january["id"]) for _ in range(4)))
    assert [answer["errors"] for answer in answers] == [[]] * 4
    assert [answer["period"]["state"] for answer in answers] == ["CLOSED"] * 4
    assert sorted(answer["replayed"] for answer in answers) == [False, True, True, True]


async def issue(
    office: Office, key: str = "s1", person: str = "operator ada", **changes: Any
) -> Any:
    given = {
        "idempotencyKey": key, "memberId": office.member("ada"),
        "period": {"from": "2026-01-01", "to": "2026-02-01"}, **changes,
    }  # fmt: skip
    fields = """statement { id number from to opening { amount } closing { amount } }
      document { url sha256 bytes mediaType locale expiresAt }"""
    return await office.api(person).order("statementIssue", fields, **given)


async def test_a_statement_is_issued_and_downloaded_once(desk: Office) -> None:
    await imported(desk)
    payload = await issue(desk)
    document = payload["document"]
    assert payload["statement"].pop("id")
    assert (payload["errors"], payload["replayed"]) == ([], False)
    assert payload["statement"] == {
        "number": "ADA-1", "from": "2026-01-01", "to": "2026-02-01", "opening": {"amount": "0.00"},
        "closing": {"amount": "30.00"},
    }  # fmt: skip
    answer = await desk.http.get(document["url"])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/pdf"
    assert hashlib.sha256(answer.content).hexdigest() == document["sha256"]
    assert len(answer.content) == document["bytes"]
    again = await issue(desk)
    assert (again["replayed"], again["document"]["sha256"]) == (True, document["sha256"])
    german = await issue(desk, "s2", locale="de_CH")
    assert (german["statement"]["number"], german["document"]["locale"]) == ("ADA-1", "de_CH")
    twins = await asyncio.gather(*(issue(desk, "s3", locale="fr") for _ in range(3)))
    assert sorted(twin["replayed"] for twin in twins) == [False, True, True]
    assert len({twin["document"]["sha256"] for twin in twins}) == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"period": {"from": "2026-01-01"}}, "STATEMENT_PERIOD_INVALID"),
        ({"period": {}}, "STATEMENT_PERIOD_INVALID"),
        ({"period": {"from": "2026-02-01", "to": "2026-01-01"}}, "INVALID_VALUE"),
        ({"period": {"from": "0001-01-01", "to": "9999-12-31"}}, "STATEMENT_PERIOD_INVALID"),
        ({"locale": "xx_YY"}, "LANGUAGE_UNAVAILABLE"),
        ({"locale": ""}, "LANGUAGE_UNAVAILABLE"),
        ({"memberId": "x"}, "NOT_FOUND"),
    ],
)
async def test_statements_that_cannot_be(desk: Office, changes: dict[str, Any], code: str) -> None:
    payload = await issue(desk, **changes)
    assert [error["code"] for error in payload["errors"]] == [code]
    found = await desk.api().node(desk.member("ada"), "... on Member { statements { totalCount } }")
    assert found == {"statements": {"totalCount": 0}}


async def test_another_statement_under_the_key_is_a_mismatch(desk: Office) -> None:
    await issue(desk)
    for changes in ({"locale": "de"}, {"period": {"from": "2026-01-01", "to": "2026-03-01"}}):
        (error,) = (await issue(desk, **changes))["errors"]
        assert (error["code"], error["path"]) == ("IDEMPOTENCY_MISMATCH", ["idempotencyKey"])


def test_both_formats_are_served() -> None:
    assert [format_.value for format_ in SessionFileFormat] == ["cdr", "csv"]
