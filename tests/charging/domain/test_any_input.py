"""Whatever bytes come, the answer is readings or a refusal, and every row is accounted for."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from coop.charging.domain.cdr_file import open_cdrs, readings_of_cdrs
from coop.charging.domain.csv_sessions import open_csv, readings_of
from coop.charging.domain.plausibility import Limits
from coop.charging.domain.report import (
    cdr_report_line,
    csv_report_header,
    csv_report_line,
)
from coop.charging.domain.session import Reading
from coop.kernel.errors import Refusal
from tests.charging.domain.sample import HEADER, cdr, dumped, mapping, rows

CELLS = st.text(max_size=12) | st.sampled_from(
    ["H1", "anna", "s1", "2026-03-02 08:00:00", "2026-03-29 02:30:00", "12,34", "NA", '"', "-1",
     "9" * 40, "0,0004999", "\x85", "\u2028"]
)  # fmt: skip


def csv_readings(data: bytes) -> list[Reading] | None:
    using = mapping()
    stream = BytesIO(data)
    try:
        header = open_csv(stream, using)
    except Refusal:
        return None
    found = list(readings_of(stream, using, header))
    for reading in found:
        assert (reading.session is None) != (reading.refusal is None)
        if reading.refusal is not None:
            csv_report_line(reading, header, using.layout)
    return found


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_as_csv(data: bytes) -> None:
    csv_readings(data)
    csv_readings(HEADER.encode() + b"\n" + data)


@given(st.lists(st.lists(CELLS, min_size=6, max_size=6), max_size=5))
@settings(max_examples=200, deadline=None)
def test_any_cells_are_read_and_reported_and_read_again(table: list[list[str]]) -> None:
    using = mapping()
    found = csv_readings(rows(*(";".join(cells) for cells in table)).encode(errors="replace"))
    assert found is not None
    header = tuple(HEADER.split(";"))
    refused = [reading for reading in found if reading.refusal is not None]
    report = csv_report_header(header, using.layout) + b"".join(
        csv_report_line(reading, header, using.layout) for reading in refused
    )
    again = csv_readings(report)
    assert again is not None
    assert all(reading.refusal is not None for reading in again)
    assert len(again) >= len(refused)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def cdr_readings(data: bytes) -> list[Reading] | None:
    stream = BytesIO(data)
    try:
        open_cdrs(stream)
    except Refusal:
        return None
    found = list(readings_of_cdrs(stream, Limits()))
    for reading in found:
        assert (reading.session is None) != (reading.refusal is None)
        if reading.refusal is not None:
            (line,) = cdr_report_line(reading).splitlines()
            json.loads(line)
    return found


@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode()))
@settings(max_examples=200, deadline=None)
@example(b'{"cdr": 1, "code": 2}')
@example(b'{"status_code": 1, "data": null}')
@example(b"[[[[[]]]]]")
def test_any_bytes_as_cdrs(data: bytes) -> None:
    cdr_readings(data)
    cdr_readings(b"[" + data + b"]")
    cdr_readings(dumped(cdr()) + data)


@given(st.sampled_from(sorted(cdr())), JSON)
@settings(max_examples=300, deadline=None)
def test_any_value_in_any_field(name: str, value: Any) -> None:
    found = cdr_readings(json.dumps(cdr() | {name: value}, default=float).encode())
    assert found is not None
    assert len(found) == 1
