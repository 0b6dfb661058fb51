"""OCPI 2.2.1 CDRs: the specification's own examples, and everything that can be wrong with one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest

from coop.charging.domain.cdr_file import MAX_CDR_BYTES, open_cdrs, readings_of_cdrs
from coop.charging.domain.plausibility import Limits
from coop.charging.domain.report import cdr_report_line
from coop.charging.domain.session import Dimension, Doubt, Reading
from coop.charging.errors import FileEmpty, FileMalformed, FileWrongEncoding
from tests.conftest import shared_data

from .sample import cdr, dumped

EXAMPLES = "ocpi/2.2.1/examples"
NOW = datetime(2026, 3, 3, tzinfo=UTC)


def read(data: bytes, read_at: datetime | None = NOW) -> list[Reading]:
    stream = BytesIO(data)
    open_cdrs(stream)
    return list(readings_of_cdrs(stream, Limits(), read_at))


def test_a_cdr_becomes_a_session() -> None:
    data = dumped(cdr())
    (reading,) = read(data)
    session = reading.session
    assert session is not None
    assert session.identity == ("NO", "TST", "CDR-1")
    assert (session.hub_ref, session.hub_name, session.port_ref) == ("H1", "Hub one", "P1")
    assert (session.token_uid, session.member_ref) == ("BADGE-1", None)
    assert session.started_at == datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
    assert session.ended_at == datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    assert (session.delivered_wh, session.currency, session.credit_of) == (12340, "EUR", None)
    assert session.periods[0].dimensions == (Dimension("ENERGY", Decimal("12.34")),)
    assert session.raw == data.strip()
    assert reading.doubts == ()


def test_the_example_of_the_specification_is_accepted_with_its_trap_doubted() -> None:
    """Its coordinates are swapped (not read) and it was updated before it ended (doubted)."""
    data = shared_data(f"{EXAMPLES}/cdr_example.json").read_bytes()
    (reading,) = read(data)
    session = reading.session
    assert session is not None
    assert session.identity == ("BE", "BEC", "12345")
    assert (session.hub_ref, session.port_ref, session.token_uid) == ("LOC1", "3256", "012345678")
    assert session.started_at == datetime(2015, 6, 29, 21, 39, 9, tzinfo=UTC)
    assert session.ended_at == datetime(2015, 6, 29, 23, 37, 32, tzinfo=UTC)
    assert session.delivered_wh == 15342
    assert session.raw == data.strip()
    assert session.periods[0].tariff_id == "12"
    assert reading.doubts == (Doubt.LAST_UPDATED_EARLY,)


def test_every_other_example_of_the_specification_is_refused_with_a_field() -> None:
    paths = sorted(shared_data(EXAMPLES).glob("*.json"))
    assert len(paths) == 59
    sessions = {"session_example_1_simple_start.json", "session_example_2_short_finished.json",
                "session_patch_example_charging_period.json"}  # fmt: skip
    for path in paths:
        if path.name == "cdr_example.json":
            continue
        for reading in read(path.read_bytes()):
            assert reading.refusal is not None, path.name
            found = (reading.refusal.code, reading.refusal.path)
            if path.name in sessions:
                assert found == ("ROW_MALFORMED", ("kwh",)), path.name
            else:
                assert found == ("FIELD_MISSING", ("cdr_location",)), path.name


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-03-02T07:00:00", datetime(2026, 3, 2, 7, tzinfo=UTC)),  # the Z may be left out
        ("2026-03-02T07:00:00z", datetime(2026, 3, 2, 7, tzinfo=UTC)),
        ("2026-03-02T07:00:00.5Z", datetime(2026, 3, 2, 7, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-03-02T07:00:00.123456789Z", datetime(2026, 3, 2, 7, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-03-02T08:00:00+01:00", datetime(2026, 3, 2, 7, tzinfo=UTC)),
    ],
)
def test_times_are_utc_with_or_without_saying_so(text: str, utc: datetime) -> None:
    (reading,) = read(dumped(cdr(start_date_time=text)))
    assert reading.session is not None
    assert reading.session.started_at == utc


def located(**changes: Any) -> dict[str, Any]:
    location = cdr()["cdr_location"] | changes
    return {name: value for name, value in location.items() if value is not None}


PERIOD = cdr()["charging_periods"][0]


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"id": None}, "FIELD_MISSING", "id"),
        ({"id": ""}, "FIELD_MISSING", "id"),
        ({"id": "x" * 40}, "FIELD_INVALID", "id"),
        ({"id": "søk"}, "FIELD_INVALID", "id"),
        ({"id": 12}, "FIELD_INVALID", "id"),
        ({"id": "a\x00b"}, "FIELD_INVALID", "id"),
        ({"country_code": "NOR"}, "FIELD_INVALID", "country_code"),
        ({"country_code": "4"}, "FIELD_INVALID", "country_code"),
        ({"party_id": "LONG"}, "FIELD_INVALID", "party_id"),
        ({"cdr_token": None}, "FIELD_MISSING", "cdr_token"),
        ({"cdr_token": "badge"}, "FIELD_INVALID", "cdr_token"),
        ({"cdr_token": {"uid": " "}}, "FIELD_MISSING", "cdr_token.uid"),
        ({"cdr_location": None}, "FIELD_MISSING", "cdr_location"),
        ({"cdr_location": located(id=None)}, "FIELD_MISSING", "cdr_location.id"),
        ({"cdr_location": located(name="a\x1bb")}, "FIELD_INVALID", "cdr_location.name"),
        ({"currency": "EURO"}, "FIELD_INVALID", "currency"),
        ({"currency": "eur"}, "CURRENCY_UNKNOWN", "currency"),
        ({"currency": "XXX"}, "CURRENCY_UNKNOWN", "currency"),
        ({"start_date_time": "2026-03-02"}, "FIELD_INVALID", "start_date_time"),
        ({"start_date_time": "1970-1-1T00:00:00Z"}, "FIELD_INVALID", "start_date_time"),
        ({"start_date_time": "2026-02-30T07:00:00Z"}, "FIELD_INVALID", "start_date_time"),
        ({"start_date_time": 1772434800}, "FIELD_INVALID", "start_date_time"),
        ({"start_date_time": "1970-01-01T00:00:00Z"}, "TIME_IMPLAUSIBLE", "start_date_time"),
        ({"end_date_time": None}, "FIELD_MISSING", "end_date_time"),
        ({"end_date_time": "2026-03-02T06:59:59Z"}, "END_BEFORE_START", "end_date_time"),
        ({"end_date_time": "2026-03-05T06:59:59Z"}, "TIME_IMPLAUSIBLE", "end_date_time"),
        ({"total_energy": None}, "FIELD_MISSING", "total_energy"),
        ({"total_energy": "12.34"}, "FIELD_INVALID", "total_energy"),
        ({"total_energy": True}, "FIELD_INVALID", "total_energy"),
        ({"total_energy": Decimal("-12.34")}, "ENERGY_NEGATIVE", "total_energy"),
        ({"total_energy": Decimal(43_210)}, "ENERGY_IMPLAUSIBLE", "total_energy"),
        ({"total_energy": float("nan")}, "FIELD_INVALID", "total_energy"),
        ({"total_energy": 1e300}, "FIELD_INVALID", "total_energy"),
        ({"total_cost": None}, "FIELD_MISSING", "total_cost"),
        ({"total_cost": {"excl_vat": "3"}}, "FIELD_INVALID", "total_cost.excl_vat"),
        ({"total_cost": {"excl_vat": -3}}, "FIELD_INVALID", "total_cost.excl_vat"),
        ({"total_time": None}, "FIELD_MISSING", "total_time"),
        ({"last_updated": None}, "FIELD_MISSING", "last_updated"),
        ({"charging_periods": []}, "FIELD_MISSING", "charging_periods"),
        ({"charging_periods": {}}, "FIELD_INVALID", "charging_periods"),
        ({"charging_periods": [7]}, "FIELD_INVALID", "charging_periods.0"),
        ({"charging_periods": [PERIOD | {"dimensions": [{"type": "HEAT", "volume": 1}]}]},
         "FIELD_INVALID", "charging_periods.0.dimensions.0.type"),
        ({"charging_periods": [PERIOD, PERIOD | {"start_date_time": "2026-03-02T06:00:00Z"}]},
         "FIELD_INVALID", "charging_periods.1.start_date_time"),
        ({"credit": "yes"}, "FIELD_INVALID", "credit"),
        ({"credit": True}, "FIELD_MISSING", "credit_reference_id"),
        ({"credit": True, "credit_reference_id": "cdr-0"}, "FIELD_INVALID", "total_cost.excl_vat"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_by_field(changes: dict[str, Any], code: str, field: str) -> None:
    bad, good = read(dumped(cdr(**changes), cdr(id="other")))
    assert bad.refusal is not None
    assert (bad.refusal.code, ".".join(bad.refusal.path)) == (code, field)
    assert bad.session is None
    assert good.session is not None


def test_a_credit_says_what_it_takes_back_and_is_not_judged_again() -> None:
    credit = cdr(id="cdr-1-C", credit=True, credit_reference_id="cdr-1",
                 total_cost={"excl_vat": Decimal("-3.10")})  # fmt: skip
    (reading,) = read(dumped(credit))
    assert reading.session is not None
    assert (reading.session.id, reading.session.credit_of) == ("CDR-1-C", "CDR-1")
    assert reading.session.delivered_wh == 12340


def test_a_reservation_nobody_came_to_has_no_port() -> None:
    (reading,) = read(dumped(cdr(cdr_location=located(evse_uid="#NA"), total_energy=0,
                                 charging_periods=[PERIOD | {"dimensions": []}])))  # fmt: skip
    assert reading.session is not None
    assert reading.session.port_ref is None
    assert reading.doubts == (Doubt.ENERGY_ZERO,)


def test_energy_that_flows_back_is_doubted() -> None:
    dimensions = [{"type": "ENERGY", "volume": 14}, {"type": "ENERGY", "volume": Decimal("-1.66")}]
    (reading,) = read(dumped(cdr(charging_periods=[PERIOD | {"dimensions": dimensions}])))
    assert reading.doubts == (Doubt.ENERGY_FED_BACK,)


def test_digits_below_a_watt_hour_are_rounded_half_up() -> None:
    texts = {"15.3424": 15342, "15.3425": 15343, "7.800000001": 7800, "1.2E+1": 12000}
    for text, expected_wh in texts.items():
        data = dumped(cdr()).replace(b"12.34", text.encode())
        (reading,) = read(data)
        assert reading.session is not None
        assert reading.session.delivered_wh == expected_wh


@pytest.mark.parametrize(
    "text", ["1e9999999", "-1e9999999", "1e-9999999", "1e99999999999999999999"]
)
def test_exponents_that_nothing_calculates_with_cost_one_cdr(text: str) -> None:
    bad = dumped(cdr()).replace(b'"total_energy": 12.34', f'"total_energy": {text}'.encode())
    first, second = read(bad + dumped(cdr(id="other")))
    assert first.refusal is not None
    assert (first.refusal.code, first.refusal.path) == ("FIELD_INVALID", ("total_energy",))
    assert second.session is not None


def test_the_body_hash_is_of_what_a_cdr_says() -> None:
    document = cdr()
    shuffled = dict(reversed(document.items()))
    spelled = dumped(document).replace(b"12.34", b"12.340").replace(b", ", b" ,\t")
    other = cdr(remark="late")
    first, second, third, fourth = read(dumped(document, shuffled) + spelled + dumped(other))
    hashes = [r.session.body_sha256 for r in (first, second, third, fourth) if r.session]
    assert hashes[0] == hashes[1] == hashes[2] != hashes[3]


def test_a_key_written_twice_is_refused() -> None:
    data = dumped(cdr()).replace(b'"id": "cdr-1"', b'"id": "cdr-1", "id": "cdr-2"')
    (reading,) = read(data)
    assert reading.refusal is not None
    assert (reading.refusal.code, reading.refusal.path) == ("FIELD_INVALID", ("id",))


def pretty(document: Any) -> str:
    return json.dumps(document, indent=2, default=float)


ONE, TWO = cdr(), cdr(id="cdr-2")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (pretty(ONE), [1]),
        (pretty([ONE, TWO]), [2, 41]),
        (json.dumps([ONE, TWO], default=float), [1, 1]),
        (pretty({"status_code": 1000, "data": [ONE, TWO], "timestamp": "x"}), [4, 43]),
        (json.dumps({"data": ONE, "status_code": 1000}, default=float), [1]),
        ((dumped(ONE) + b"\r\n" + dumped(TWO)).decode(), [1, 3]),
        ("\ufeff" + dumped(ONE, TWO).decode(), [1, 2]),
        ("\ufeff" + pretty([ONE]), [2]),
        ("[ ]", []),
    ],
)
def test_shapes_of_files(text: str, lines: list[int]) -> None:
    readings = read(text.encode())
    assert [r.refusal for r in readings] == [None] * len(lines)
    assert [r.session.id for r in readings if r.session] == ["CDR-1", "CDR-2"][: len(lines)]
    assert [r.line for r in readings] == lines
    # Byte for byte what came, without what stood around it.
    assert all(r.raw.decode() in text and json.loads(r.raw)["party_id"] == "TST" for r in readings)


@pytest.mark.parametrize(
    ("data", "refusal", "path"),
    [
        (b"", FileEmpty, ()),
        (b" \n\n", FileEmpty, ()),
        (pretty([ONE, TWO])[:-40].encode(), FileMalformed, None),
        (pretty(ONE)[:-2].encode(), FileMalformed, None),
        ((pretty([ONE]) + "x").encode(), FileMalformed, None),
        (pretty([ONE, TWO]).replace("},\n  {", "}\n  {").encode(), FileMalformed, None),
        (b"hub;user\n1;2\n", FileMalformed, ("1",)),
        (b"[" * 5000, FileMalformed, ("1",)),
        (b"[\n\xff]", FileWrongEncoding, ("2",)),
        (dumped(ONE) + b'{"id": "\xff"}\n', FileWrongEncoding, ("2",)),
    ],
)
def test_a_broken_document_is_refused_whole(
    data: bytes, refusal: type[Exception], path: tuple[str, ...] | None
) -> None:
    with pytest.raises(refusal) as refused:
        open_cdrs(BytesIO(data))
    assert path is None or refused.value.path == path  # type: ignore[attr-defined]


def test_a_broken_line_costs_that_line() -> None:
    cut = dumped(TWO)[:-9] + b"\n"
    for data in (dumped(ONE) + cut + dumped(ONE), cut + dumped(ONE, TWO)):
        readings = read(data)
        assert [r.refusal.code for r in readings if r.refusal] == ["ROW_MALFORMED"]
        assert len(readings) == 3


def test_a_cdr_larger_than_any_is_refused_and_the_next_is_read() -> None:
    large = cdr(id="large", remark="x" * MAX_CDR_BYTES)
    for data in (dumped(ONE, large, TWO), json.dumps([ONE, large, TWO], default=float).encode()):
        readings = read(data)
        assert [r.refusal and r.refusal.code for r in readings] == [None, "ROW_TOO_LONG", None]


def test_an_array_larger_than_a_block_is_read_whole_with_its_lines() -> None:
    documents = [cdr(id=f"c{i}") for i in range(300)]
    readings = read(pretty(documents).encode())
    assert [r.session.id for r in readings if r.session] == [f"C{i}" for i in range(300)]
    assert [r.line for r in readings] == [2 + 39 * i for i in range(300)]


def test_the_correction_report_is_corrected_and_read_again() -> None:
    bad = cdr(id="bad", currency="EURO", total_energy=Decimal("12.3400001"),
              remark='a "cdr": in a text')  # fmt: skip
    refused = [r for r in read(dumped(ONE, bad) + b'{"id": 1,\n') if r.refusal]
    report = b"".join(cdr_report_line(r) for r in refused)
    first, second = report.decode().splitlines()
    assert first.startswith(
        '{"line": 2, "field": "currency", "code": "FIELD_INVALID", '
        '"reason": "Not a text of at most 3 characters.", "cdr": {"country_code": "NO"'
    )
    assert json.loads(second)["cdr"] == '{"id": 1,'
    again = read(report.replace(b"EURO", b"EUR"))
    assert again[0].session is not None
    assert again[0].session.delivered_wh == 12340
    assert again[0].session.raw == refused[0].raw.replace(b"EURO", b"EUR")
    assert again[1].refusal is not None
    assert again[1].refusal.code == "ROW_MALFORMED"
