"""Commitments through the API: pledged, settled, adjusted, read by whom they concern."""

from __future__ import annotations

from typing import Any

import pytest

from tests.schema.office import Office

pytestmark = pytest.mark.anyio

TERMS = {
    "from": "2026-03-01", "to": "2026-09-01", "minimum": "10", "shortfallPrice": "2.00",
    "overagePrice": "0.50", "makeUpMonths": 3, "bankCapShare": "0.5", "ramp": ["0.5"],
    "deposit": "150.00", "taxes": [{"name": "VAT", "percent": "25"}],
}  # fmt: skip
SETTLED = """
number month effectiveOn termsVersion metered pledged excused minimum met bankUsed shortfall madeUp
banked overage issued expired shortfallAmount { amount currency } overageAmount { amount }
madeUpAmount { amount } expiredAmount { amount } movements { kind issuedOn energy amount { amount } }
adjusts { number } entry { kind } inputsSha256
items { kind net { amount } taxes { percent } }
"""
SHOWN = f"""
commitment {{ id from to member {{ number }} hubs {{ ref }} banked deposit {{ amount }}
  terms {{ version from to minimum ramp shortfallPrice overagePrice makeUpMonths bankCap outageRelief
    deposit {{ amount currency }} taxes {{ name percent }} resolution }}
  makeUpCredits {{ issuedOn expiresOn price issued open paid {{ amount }} owed {{ amount }} }}
  settlements(first: 10) {{ totalCount nodes {{ {SETTLED} }} }} }}
"""


async def _pledged(desk: Office, by: str = "operator ada", key: str = "k1", **changes: Any) -> Any:
    return await desk.api(by).order(
        "commitmentPledge", SHOWN, idempotencyKey=key, memberId=desk.member("ada"),
        hubIds=[desk.hub("H1")], resolution="2026-4", terms={**TERMS, **changes},
    )  # fmt: skip


async def _settled(desk: Office, month: str, key: str, **more: Any) -> Any:
    return await desk.api().order(
        "commitmentsSettle", "settled already", idempotencyKey=key, cooperativeId=desk.node,
        month=month, **more,
    )  # fmt: skip


async def _read(desk: Office, id_: str, by: str = "operator ada") -> Any:
    return await desk.api(by).node(
        id_, f"... on Commitment {{ {SHOWN[SHOWN.index('{') + 1 : -2]} }}"
    )


async def test_a_member_pledges_and_reads_what_it_pledged(desk: Office) -> None:
    payload = await _pledged(desk)
    assert (payload["errors"], payload["replayed"]) == ([], False)
    said = payload["commitment"]
    assert (said["from"], said["to"], said["member"], said["hubs"]) == (
        "2026-03-01", "2026-09-01", {"number": "ADA"}, [{"ref": "H1"}],
    )  # fmt: skip
    assert said["terms"] == [{
        "version": 1, "from": "2026-03-01", "to": "2026-09-01", "minimum": "10.000",
        "ramp": ["0.5"], "shortfallPrice": "2.00", "overagePrice": "0.50", "makeUpMonths": 3,
        "bankCap": "5.000", "outageRelief": True,
        "deposit": {"amount": "150.00", "currency": "NOK"},
        "taxes": [{"name": "VAT", "percent": "25"}], "resolution": "2026-4",
    }]  # fmt: skip
    assert said["settlements"] == {"totalCount": 0, "nodes": []}
    again = await _pledged(desk)
    assert (again["replayed"], again["commitment"]["id"]) == (True, said["id"])
    other = await _pledged(desk, minimum="11")
    assert [error["code"] for error in other["errors"]] == ["IDEMPOTENCY_MISMATCH"]
    twice = await _pledged(desk, key="k2")
    assert [error["code"] for error in twice["errors"]] == ["COMMITMENT_OVERLAPS"]


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"to": "2026-03-01"}, "COMMITMENT_INVALID", ["terms", "to"]),
        ({"from": "2026-03-02"}, "COMMITMENT_INVALID", ["terms", "from"]),
        ({"minimum": "0"}, "COMMITMENT_INVALID", ["terms", "minimum"]),
        ({"ramp": ["0.5", "1.5"]}, "COMMITMENT_INVALID", ["terms", "ramp", "1"]),
        ({"shortfallPrice": "-1"}, "COMMITMENT_INVALID", ["terms", "shortfallPrice"]),
        ({"bankCap": "1"}, "COMMITMENT_INVALID", ["terms", "bankCap"]),
        ({"deposit": "0.001"}, "INVALID_VALUE", ["terms", "deposit"]),
        ({"taxes": [{"name": "", "percent": "25"}]}, "COMMITMENT_INVALID", ["terms", "taxes"]),
    ],
)
async def test_nonsense_is_refused_where_it_stands(
    desk: Office, changes: dict[str, Any], code: str, path: list[str]
) -> None:
    payload = await _pledged(desk, **changes)
    assert [(error["code"], error["path"]) for error in payload["errors"]] == [(code, path)]
    assert payload["commitment"] is None


async def test_months_are_settled_and_shown_line_by_line(desk: Office) -> None:
    id_ = (await _pledged(desk))["commitment"]["id"]
    done = await _settled(desk, "2026-03-01", "s1")
    assert (done["errors"], done["settled"], done["already"]) == ([], 1, 0)
    assert (await _settled(desk, "2026-03-01", "s1"))["replayed"] is True
    again = await _settled(desk, "2026-03-01", "s2")
    assert (again["settled"], again["already"], again["replayed"]) == (0, 1, False)
    early = await _settled(desk, "2026-05-01", "s3")
    assert [error["code"] for error in early["errors"]] == ["SETTLEMENT_ORDER"]
    said = await _read(desk, id_)
    (march,) = said["settlements"]["nodes"]
    sha256 = march.pop("inputsSha256")
    assert len(sha256) == 64
    zero = {"amount": "0.00"}
    assert march == {
        "number": 1, "month": "2026-03-01", "effectiveOn": "2026-03-31", "termsVersion": 1,
        "metered": "0.000", "pledged": "5.000", "excused": "0.000", "minimum": "5.000",
        "met": "0.000", "bankUsed": "0.000", "shortfall": "5.000", "madeUp": "0.000",
        "banked": "0.000", "overage": "0.000", "issued": "5.000", "expired": "0.000",
        "shortfallAmount": {"amount": "10.00", "currency": "NOK"}, "overageAmount": zero,
        "madeUpAmount": zero, "expiredAmount": zero,
        "movements": [{
            "kind": "ISSUED", "issuedOn": "2026-03-01", "energy": "5.000",
            "amount": {"amount": "10.00"},
        }],
        "adjusts": None, "entry": {"kind": "commitment_settlement"},
        "items": [{
            "kind": "SHORTFALL", "net": {"amount": "10.00"}, "taxes": [{"percent": "25"}],
        }],
    }  # fmt: skip
    assert said["makeUpCredits"] == [{
        "issuedOn": "2026-03-01", "expiresOn": "2026-07-01", "price": "2.00", "issued": "5.000",
        "open": "5.000", "paid": {"amount": "10.00"}, "owed": {"amount": "10.00"},
    }]  # fmt: skip
    for as_of, energy in (("2026-03-30", "0.000"), ("2026-03-31", "5.000")):
        member = await desk.api("operator ada").node(
            desk.member("ada"), f'... on Member {{ balance(asOf: "{as_of}") {{ makeUpEnergy }} }}'
        )
        assert member == {"balance": {"makeUpEnergy": energy}}


async def test_what_comes_late_is_adjusted_beside_it(desk: Office) -> None:
    id_ = (await _pledged(desk))["commitment"]["id"]
    await _settled(desk, "2026-03-01", "s1")
    day = "2026-03-10T10:00:00+00:00"
    await desk.town.database.unit_of_work(desk.id, lambda c: _outage(c, desk, day))
    done = await _settled(desk, "2026-03-01", "a1", adjust=True, effectiveOn="2026-04-20")
    assert (done["errors"], done["settled"]) == ([], 1)
    late, first = (await _read(desk, id_))["settlements"]["nodes"]
    assert (late["number"], late["adjusts"], first["adjusts"]) == (2, {"number": 1}, None)
    # 48 of 743 hours of the whole hub: 0.324 of 5 kWh, rounded up.
    assert (late["excused"], late["minimum"], late["shortfall"]) == ("0.324", "-0.324", "-0.324")
    assert late["shortfallAmount"]["amount"] == "-0.65"
    assert late["effectiveOn"] == "2026-04-20"


async def _outage(connection: Any, desk: Office, day: str) -> None:
    await connection.exec_driver_sql(
        "INSERT INTO interruption (cooperative_id, id, hub_id, from_at, to_at, cause, note,"
        f" recorded_by, recorded_at) VALUES ('{desk.id}', uuidv7(), '{desk.hubs['H1'].id}',"
        f" '{day}', timestamptz '{day}' + interval '48 hours', 'OUTAGE_GRID', '', 'x', now())"
    )


async def test_terms_change_and_deposits_move_by_resolution(desk: Office) -> None:
    id_ = (await _pledged(desk))["commitment"]["id"]
    treasurer = desk.api()
    paid = await treasurer.order(
        "commitmentDepositRecord", SHOWN, idempotencyKey="d1", commitmentId=id_, kind="TAKEN",
        amount="150.00", effectiveOn="2026-03-01",
    )  # fmt: skip
    assert (paid["errors"], paid["commitment"]["deposit"]) == ([], {"amount": "150.00"})
    kept = await treasurer.order(
        "commitmentDepositRecord", SHOWN, idempotencyKey="d2", commitmentId=id_, kind="FORFEITED",
        amount="50.00", effectiveOn="2026-03-02",
    )  # fmt: skip
    assert [error["code"] for error in kept["errors"]] == ["RESOLUTION_REQUIRED"]
    await _settled(desk, "2026-03-01", "s1")
    changed = await treasurer.order(
        "commitmentAmend", SHOWN, idempotencyKey="c1", commitmentId=id_, resolution="2026-9",
        terms={**TERMS, "from": "2026-04-01", "to": "2027-01-01", "makeUpMonths": 0},
    )  # fmt: skip
    said = changed["commitment"]
    assert (changed["errors"], said["to"]) == ([], "2027-01-01")
    assert [(one["version"], one["resolution"]) for one in said["terms"]] == [
        (1, "2026-4"), (2, "2026-9")
    ]  # fmt: skip
    assert said["makeUpCredits"][0]["open"] == "0.000"  # the right was taken away
    ended = await treasurer.order(
        "commitmentTerminate", SHOWN, idempotencyKey="t1", commitmentId=id_, resolution="2026-10",
        to="2026-06-01",
    )  # fmt: skip
    assert (ended["errors"], ended["commitment"]["to"]) == ([], "2026-06-01")


async def test_nobody_reads_what_another_pledged(desk: Office, elsewhere: Office) -> None:
    id_ = (await _pledged(desk))["commitment"]["id"]
    await _settled(desk, "2026-03-01", "s1")
    found = await desk.api().node(
        id_, "... on Commitment { settlements { nodes { id commitment: number } } }"
    )
    (settled,) = found["settlements"]["nodes"]
    for api in (
        desk.api("operator bo"), desk.api("administrator"), desk.api("grant administrator"),
        desk.api("stranger"), elsewhere.api(),
    ):  # fmt: skip
        assert await api.node(id_, "id") is None
        assert await api.node(settled["id"], "id") is None
    assert await desk.api("operator ada").node(settled["id"], "id") == {"id": settled["id"]}
    for name in ("commitmentAmend", "commitmentTerminate"):
        given = {"terms": TERMS} if name == "commitmentAmend" else {"to": "2026-05-01"}
        payload = await desk.api("operator ada").order(
            name, "", idempotencyKey="x", commitmentId=id_, resolution="1", **given
        )
        assert [error["code"] for error in payload["errors"]] == ["FORBIDDEN"]


async def test_statements_do_not_grow_with_commitments_and_months(desk: Office) -> None:
    await _pledged(desk)
    await _settled(desk, "2026-03-01", "s0")
    few = await _statements(desk)
    for number, ref in enumerate(("S1", "H1")):
        payload = await desk.api().order(
            "commitmentPledge", "commitment { id }", idempotencyKey=f"more-{number}",
            memberId=desk.member("bo" if ref == "H1" else "ada"), hubIds=[desk.hub(ref)],
            terms={**TERMS, "from": "2026-04-01"},
        )  # fmt: skip
        assert payload["errors"] == []
    for month in ("2026-04-01", "2026-05-01", "2026-06-01"):
        await _settled(desk, month, month)
    assert await _statements(desk) == few


async def _statements(desk: Office) -> int:
    """How many statements it takes to read everything of Ada's commitments."""
    fields = SHOWN[SHOWN.index("{") + 1 : -2]
    before = desk.database.statements
    found = await desk.api().node(
        desk.member("ada"), f"... on Member {{ commitments {{ {fields} }} }}"
    )
    assert found["commitments"]
    return desk.database.statements - before
