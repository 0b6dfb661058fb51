"""CSV exports: what is accepted, exactly, and what is refused, by line, field and code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest

from coop.charging.domain.csv_rows import MAX_LINE_BYTES
from coop.charging.domain.csv_sessions import open_csv, readings_of
from coop.charging.domain.report import csv_report_header, csv_report_line
from coop.charging.domain.session import Doubt
from coop.charging.errors import ColumnMissing, FileEmpty, FileWrongEncoding, RowMalformed

from .sample import GOOD, HEADER, mapping, read, rows


def test_a_row_becomes_a_session() -> None:
    (reading,) = read(rows(GOOD))
    session = reading.session
    assert session is not None
    assert session.identity == ("NO", "TST", "S1")
    assert (session.hub_ref, session.port_ref) == ("H1", None)
    assert (session.token_uid, session.member_ref) == ("ANNA", "anna")
    assert session.started_at == datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
    assert session.ended_at == datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    assert session.delivered_wh == 12340
    assert session.raw == GOOD.encode()
    assert (reading.line, reading.refusal, reading.doubts) == (2, None, ())


def changed(**cells: str) -> str:
    values = dict(zip(HEADER.split(";"), GOOD.split(";"), strict=True)) | cells
    return ";".join(values.values())


@pytest.mark.parametrize(
    ("row", "code", "field"),
    [
        (changed(to="NA"), "FIELD_MISSING", ("to",)),
        (changed(to=""), "FIELD_MISSING", ("to",)),
        (changed(kwh="NA"), "FIELD_MISSING", ("kwh",)),
        (changed(hub=" "), "FIELD_MISSING", ("hub",)),
        (changed(id=""), "FIELD_MISSING", ("id",)),
        (changed(id="x" * 101), "FIELD_INVALID", ("id",)),
        (changed(kwh="12.34"), "FIELD_INVALID", ("kwh",)),
        (changed(kwh="1.234,5"), "FIELD_INVALID", ("kwh",)),
        (changed(kwh="NaN"), "FIELD_INVALID", ("kwh",)),
        (changed(kwh="1e3"), "FIELD_INVALID", ("kwh",)),
        (changed(kwh="١٢"), "FIELD_INVALID", ("kwh",)),
        (changed(kwh="-1,5"), "ENERGY_NEGATIVE", ("kwh",)),
        (changed(kwh="9" * 30), "ENERGY_IMPLAUSIBLE", ("kwh",)),
        (changed(kwh="54321,9"), "ENERGY_IMPLAUSIBLE", ("kwh",)),
        (changed(to="2026-03-02 08:01:00", kwh="91,0"), "ENERGY_IMPLAUSIBLE", ("kwh",)),
        (changed(to="2026-03-02 07:59:59"), "END_BEFORE_START", ("to",)),
        (changed(to="2026-05-02 08:00:00"), "DURATION_IMPLAUSIBLE", ("to",)),
        (changed(**{"from": "0026-03-02 08:00:00"}), "TIME_IMPLAUSIBLE", ("from",)),
        (changed(**{"from": "2026-02-30 08:00:00"}), "FIELD_INVALID", ("from",)),
        (changed(**{"from": "02.03.2026 08:00"}), "FIELD_INVALID", ("from",)),
        (changed(**{"from": "2026-03-02 08:00:60"}), "FIELD_INVALID", ("from",)),
        ("H1;anna;s1;2026-03-02 08:00:00", "ROW_RAGGED", ()),
        (GOOD + ";more", "ROW_RAGGED", ()),
        ('"H1;anna;s1;2026-03-02 08:00:00;2026-03-02 10:30:00;12,34', "ROW_MALFORMED", ()),
        ('"H1"x;anna;s1;2026-03-02 08:00:00;2026-03-02 10:30:00;12,34', "ROW_MALFORMED", ()),
        (GOOD.replace("anna", "an\0na"), "ROW_MALFORMED", ()),
        (GOOD.replace("anna", "an\x1bna"), "FIELD_INVALID", ("user",)),
        (GOOD + ";" + "x" * MAX_LINE_BYTES, "ROW_TOO_LONG", ()),
    ],
)
def test_a_bad_row_is_refused_and_its_neighbours_go_on(
    row: str, code: str, field: tuple[str, ...]
) -> None:
    before, bad, after = read(rows(GOOD, row, GOOD.replace("s1", "s2")))
    assert bad.line == 3
    assert bad.refusal is not None
    assert (bad.refusal.code, bad.refusal.path) == (code, field)
    assert bad.session is None
    assert before.session is not None
    assert after.session is not None
    assert (after.line, after.session.id) == (4, "S2")


@pytest.mark.parametrize(
    ("start", "end", "code", "field"),
    [
        ("2026-03-29 02:30:00", "2026-03-29 04:00:00", "TIME_NONEXISTENT", "from"),
        ("2026-03-29 01:00:00", "2026-03-29 02:00:00", "TIME_NONEXISTENT", "to"),
        ("2025-10-26 02:30:00", "2025-10-26 05:00:00", "TIME_AMBIGUOUS", "from"),
        ("2025-10-26 01:30:00", "2025-10-26 02:59:59", "TIME_AMBIGUOUS", "to"),
    ],
)
def test_a_time_that_clocks_skip_or_repeat_is_not_guessed(
    start: str, end: str, code: str, field: str
) -> None:
    (reading,) = read(rows(f"H1;anna;s1;{start};{end};1,0"))
    assert reading.refusal is not None
    assert (reading.refusal.code, reading.refusal.path) == (code, (field,))


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-03-28 22:00:00", "2026-03-29 06:00:00", 7),  # clocks forward
        ("2025-10-25 22:00:00", "2025-10-26 06:00:00", 9),  # clocks back
        ("2026-03-29 01:59:59", "2026-03-29 03:00:00", 0),
    ],
)
def test_a_night_when_clocks_change_lasts_as_long_as_it_lasts(
    start: str, end: str, hours: int
) -> None:
    (reading,) = read(rows(f"H1;anna;s1;{start};{end};1,0"))
    assert reading.session is not None
    lasted = reading.session.ended_at - reading.session.started_at
    assert lasted // timedelta(hours=1) == hours


DURATION = '[duration]\ncolumn = "h"\n'


@pytest.mark.parametrize(
    ("hours", "settles", "start_utc"),
    [("2,5", "true", 1), ("3,5", "true", 0), ("3", "true", None), ("2,5", "false", None)],
)
def test_a_duration_settles_the_repeated_hour_when_the_mapping_says_so(
    hours: str, settles: str, start_utc: int | None
) -> None:
    using = mapping(f"{DURATION}settles_ambiguous = {settles}\n")
    text = f"{HEADER};h\nH1;anna;s1;2025-10-26 02:30:00;2025-10-26 05:00:00;1,0;{hours}\n"
    (reading,) = read(text, using)
    if start_utc is None:
        assert reading.refusal is not None
        assert (reading.refusal.code, reading.refusal.path) == ("TIME_AMBIGUOUS", ("from",))
    else:
        assert reading.session is not None
        assert reading.session.started_at == datetime(2025, 10, 26, start_utc, 30, tzinfo=UTC)


def test_a_duration_that_disagrees_is_doubted() -> None:
    using = mapping(DURATION)
    good, off, blank = read(
        f"{HEADER};h\n{GOOD};2,5\n{GOOD.replace('s1', 's2')};3,5\n{GOOD.replace('s1', 's3')};NA\n",
        using,
    )
    assert (good.doubts, off.doubts, blank.doubts) == ((), (Doubt.DURATION_MISMATCH,), ())


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"\xef\xbb\xbf" + rows(GOOD).encode(), "utf-8"),
        (rows(GOOD).replace("\n", "\r\n").encode(), "utf-8"),
        (rows(GOOD.replace("anna", "åse")).encode("cp1252"), "cp1252"),
        (rows(GOOD).encode().rstrip() + b"\n\n  \n", "utf-8"),
    ],
)
def test_marks_line_ends_and_stated_encodings_are_read(data: bytes, encoding: str) -> None:
    (reading,) = read(data, with_encoding(encoding))
    assert reading.session is not None
    assert reading.session.member_ref in ("anna", "åse")
    assert reading.doubts == ()


def with_encoding(encoding: str):
    from coop.charging.domain.mapping import mapping_of

    from .sample import MAPPING

    return mapping_of(MAPPING.replace("[file]", f'[file]\nencoding = "{encoding}"'))


@pytest.mark.parametrize(
    ("data", "encoding", "line"),
    [
        (rows(GOOD, GOOD.replace("anna", "åse")).encode("latin-1"), "utf-8", "3"),
        (rows(GOOD).encode("utf-16"), "utf-8", "1"),
        (b"\xef\xbb\xbf" + rows(GOOD).encode(), "cp1252", "1"),
        (rows(GOOD.replace("anna", "åse")).encode(), "ascii", "2"),
    ],
)
def test_a_file_in_another_encoding_is_refused_with_the_line(
    data: bytes, encoding: str, line: str
) -> None:
    with pytest.raises(FileWrongEncoding) as refused:
        open_csv(BytesIO(data), with_encoding(encoding))
    assert refused.value.path == (line,)


@pytest.mark.parametrize("data", [b"", b"\n\r\n  \n"])
def test_an_empty_file_is_refused(data: bytes) -> None:
    with pytest.raises(FileEmpty):
        open_csv(BytesIO(data), mapping())


def test_a_first_line_that_is_no_header_is_refused() -> None:
    with pytest.raises(RowMalformed):
        open_csv(BytesIO(b'"hub;user\n'), mapping())


@pytest.mark.parametrize("header", [HEADER.replace("kwh", "energy"), HEADER + ";kwh"])
def test_a_column_that_is_missing_or_double_is_named_with_those_there_are(header: str) -> None:
    with pytest.raises(ColumnMissing) as refused:
        open_csv(BytesIO(header.encode()), mapping())
    assert refused.value.path == ("kwh",)
    assert '"kwh"' in refused.value.message
    assert header.replace(";", ", ") in refused.value.message


def test_a_file_cut_off_inside_a_row_reports_that_row() -> None:
    whole = rows(GOOD, GOOD.replace("s1", "s2"))
    inside_a_cell, before_a_cell = read(whole[:-2]), read(whole[:-10])
    assert inside_a_cell[1].doubts == (Doubt.LINE_UNFINISHED,)
    refusal = before_a_cell[1].refusal
    assert refusal is not None
    assert refusal.code == "ROW_RAGGED"
    assert "the file ends inside it" in refusal.message


def test_a_file_cut_off_inside_a_quote_reports_that_row() -> None:
    _, cut = read(rows(GOOD) + '"H1";"an')
    assert cut.refusal is not None
    assert (cut.line, cut.refusal.code) == (3, "ROW_MALFORMED")


def test_a_quoted_cell_may_hold_separators_and_quotes() -> None:
    (reading,) = read(rows(GOOD.replace("anna", '"an;""na"')))
    assert reading.session is not None
    assert reading.session.member_ref == 'an;"na'


def test_rows_that_the_mapping_does_not_ask_for_are_filtered_not_refused() -> None:
    using = mapping('[[only]]\ncolumn = "hub"\nequals = ["H1"]\n')
    here, there = read(rows(GOOD, GOOD.replace("H1", "H2").replace("12,34", "bad")), using)
    assert (here.filtered, there.filtered) == (False, True)
    assert there.refusal is None


def test_the_body_hash_is_of_the_facts_and_not_of_the_spelling() -> None:
    first, quoted, dearer = read(
        rows(GOOD, GOOD.replace("anna", '"anna"').replace("12,34", "12,340"),
             GOOD.replace("12,34", "12,35"))
    )  # fmt: skip
    assert first.session is not None
    assert quoted.session is not None
    assert dearer.session is not None
    assert first.session.body_sha256 == quoted.session.body_sha256
    assert first.session.raw != quoted.session.raw
    assert first.session.body_sha256 != dearer.session.body_sha256


def test_the_correction_report_is_corrected_and_read_again() -> None:
    using = mapping()
    bad = changed(kwh="1O,0")
    layout, header = using.layout, tuple(HEADER.split(";"))
    refused = [r for r in read(rows(GOOD, bad, '"H9;x', "too;few")) if r.refusal]
    report = csv_report_header(header, layout) + b"".join(
        csv_report_line(r, header, layout) for r in refused
    )
    assert report.decode().splitlines() == [
        "line;field;code;reason;hub;user;id;from;to;kwh",
        '3;kwh;FIELD_INVALID;"""1O.0"" is not a plain decimal number such as 12.50.";' + bad,
        '4;;ROW_MALFORMED;"A quote ("") is left open, or stands inside a cell.";"""H9;x"',
        "5;;ROW_RAGGED;The line has 2 cells, the header 6.;too;few",
    ]
    again = read(report.replace(b";1O,0", b";10,0"), using)
    assert again[0].session is not None
    assert again[0].session.delivered_wh == 10000
    assert [r.refusal is None for r in again] == [True, False, False]
    # A report about a report has the four columns once.
    names = ("line", "field", "code", "reason", *header)
    assert csv_report_header(names, layout) == csv_report_header(header, layout)
    assert csv_report_line(again[2], names, layout).decode().endswith(";too;few\r\n")


def test_memory_does_not_grow_with_the_file() -> None:
    import tracemalloc

    row = (GOOD + "\n").encode()
    data = BytesIO(HEADER.encode() + b"\n" + row * 4000)
    using = mapping()
    header = open_csv(data, using)
    tracemalloc.start()
    try:
        count = sum(1 for _ in readings_of(data, using, header))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 4000
    assert peak < 300_000
