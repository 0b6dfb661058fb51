"""From the cells of a mapped CSV export to sessions: which column means what, and what is refused.

`open_csv(stream, mapping)` checks the whole file (encoding, columns) and gives its header;
`readings_of` then goes through it once more, row by row. A refusal's path names the column.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import BinaryIO
from zoneinfo import ZoneInfo

from coop.charging.domain.csv_rows import SourceRow, check_encoding, header_of, rows_of
from coop.charging.domain.mapping import SessionMapping, Source
from coop.charging.domain.plausibility import doubts_about
from coop.charging.domain.session import (
    ChargingSession,
    Doubt,
    Reading,
    facts_sha256,
    metered_wh,
    normal_id,
)
from coop.charging.domain.walltime import instant_of, settled_by, wall_reader
from coop.charging.errors import ColumnMissing, FieldInvalid, FieldMissing
from coop.kernel.clock import TimeAmbiguous
from coop.kernel.errors import Refusal
from coop.kernel.rate import exact_decimal

MAX_ID = 100
MAX_USER = 40  # a member number, too
_MICROSECOND = timedelta(microseconds=1)
_LONGEST_UNITS = 10_000_000


def open_csv(stream: BinaryIO, mapping: SessionMapping) -> tuple[str, ...]:
    """The header of a seekable stream that is good to read, and rewound.

    Refuses FILE_EMPTY, FILE_ENCODING (with the line) and MAPPING_COLUMN_MISSING.
    """
    header = header_of(stream, mapping.layout)
    for column in mapping.columns:
        if header.count(column) != 1:
            how = "twice" if column in header else "not"
            raise ColumnMissing(
                f'The mapping names the column "{column}", which the file has {how}. '
                f"Its columns are: {', '.join(header)}.",
                (column,),
            )
    stream.seek(0)
    check_encoding(stream, mapping.layout)
    stream.seek(0)
    return header


def readings_of(
    stream: BinaryIO,
    mapping: SessionMapping,
    header: tuple[str, ...],
    read_at: datetime | None = None,
) -> Iterator[Reading]:
    """Every row of a rewound stream as a Reading: accepted, refused or filtered, in file order.

    `read_at` is when the file was received; nothing in it can have ended later.
    """
    reader = _SessionReader(mapping, header)
    only = [(header.index(column), wanted) for column, wanted in mapping.only]
    for row in rows_of(stream, mapping.layout, len(header)):
        if row.refusal is not None:
            yield Reading(row.line, row.raw, row.cells, refusal=row.refusal)
        elif any(row.cells[at].strip() not in wanted for at, wanted in only):
            yield Reading(row.line, row.raw, row.cells)
        else:
            yield _reading(row, reader, mapping, read_at)


def _reading(
    row: SourceRow, reader: _SessionReader, mapping: SessionMapping, read_at: datetime | None
) -> Reading:
    try:
        session, doubts = reader.session_of(row)
        doubts = (*doubts, *doubts_about(session, mapping.limits, read_at))
    except Refusal as refusal:
        return Reading(row.line, row.raw, row.cells, refusal=_in_columns(refusal, mapping))
    if not row.finished:
        doubts = (*doubts, Doubt.LINE_UNFINISHED)
    return Reading(row.line, row.raw, row.cells, session=session, doubts=doubts)


def _in_columns(refusal: Refusal, mapping: SessionMapping) -> Refusal:
    """The refusal in the words of the file: plausibility speaks of start, end and energy."""
    times = mapping.times
    names = {"start": times.start, "end": times.end, "energy": mapping.energy_column}
    refusal.path = tuple(names.get(part, part) for part in refusal.path)
    return refusal


class _SessionReader:
    """A mapping applied to a header: what does not change from row to row is settled once."""

    def __init__(self, mapping: SessionMapping, header: tuple[str, ...]) -> None:
        self._mapping = mapping
        self._at = {column: header.index(column) for column in mapping.columns}
        self._missing = mapping.layout.missing
        self._wall_of = wall_reader(mapping.times.formats, mapping.times.year_offset)

    def session_of(self, row: SourceRow) -> tuple[ChargingSession, tuple[Doubt, ...]]:
        """The session a row reports and what is doubtful about its times. Refuses by column."""
        mapping = self._mapping
        session_id = normal_id(self._identifier(row, mapping.id_column))
        hub_name = mapping.hub.constant or self._identifier(row, mapping.hub.column or "")
        hub = normal_id(hub_name)
        user = self._source(row, mapping.user, MAX_USER)
        port = self._source(row, mapping.port)
        started_at, ended_at, doubts = self._times(row, hub)
        energy_wh = self._energy_wh(row)
        facts = (
            *(mapping.country_code, mapping.party_id, session_id, hub, port or "", user or ""),
            *(started_at.isoformat(), ended_at.isoformat(), str(energy_wh)),
        )
        session = ChargingSession(
            country_code=mapping.country_code,
            party_id=mapping.party_id,
            id=session_id,
            hub_ref=hub,
            port_ref=None if port is None else normal_id(port),
            token_uid=None if user is None else normal_id(user),
            started_at=started_at,
            ended_at=ended_at,
            delivered_wh=energy_wh,
            raw=row.raw,
            body_sha256=facts_sha256(facts),
            member_ref=user,
            hub_name=mapping.hub_names.get(hub, hub_name),
        )
        return session, doubts

    def _optional(self, row: SourceRow, column: str) -> str | None:
        text = row.cells[self._at[column]].strip()
        return None if text in self._missing else text

    def _cell(self, row: SourceRow, column: str) -> str:
        text = self._optional(row, column)
        if text is None:
            why = "No value."
            if column == self._mapping.times.end:
                why = "No end: it cannot be dated, and its energy may not be final."
            raise FieldMissing(why, (column,))
        return text

    def _identifier(self, row: SourceRow, column: str) -> str:
        return _identifier(self._cell(row, column), column)

    def _source(self, row: SourceRow, source: Source, longest: int = MAX_ID) -> str | None:
        if source.column is None:
            return source.constant
        text = self._optional(row, source.column)
        return source.constant if text is None else _identifier(text, source.column, longest)

    def _energy_wh(self, row: SourceRow) -> int:
        column = self._mapping.energy_column
        value = self._number(self._cell(row, column), column)
        return metered_wh(value, self._mapping.energy_unit_wh)

    def _number(self, text: str, column: str) -> Decimal:
        """A number with the file's decimal sign and no other punctuation."""
        sign = self._mapping.layout.decimal
        try:
            if sign != "." and "." in text:
                raise FieldInvalid(f'"{text[:40]}" is not a number with "{sign}" as decimal sign.')
            return exact_decimal(text.replace(sign, ".", 1))
        except Refusal as refusal:
            raise FieldInvalid(refusal.message, (column,)) from None

    def _times(self, row: SourceRow, hub: str) -> tuple[datetime, datetime, tuple[Doubt, ...]]:
        times = self._mapping.times
        zone = times.hub_zones.get(hub, times.zone)
        start, end = self._wall(row, times.start), self._wall(row, times.end)
        duration, lasted = self._mapping.duration, self._lasted(row)
        try:
            first, last = _instant(start, zone, times.start), _instant(end, zone, times.end)
        except TimeAmbiguous as ambiguous:
            if duration is None or lasted is None or not duration.settles_ambiguous:
                raise
            try:
                first, last = settled_by(start, end, zone, lasted, duration.tolerance)
            except Refusal as refusal:
                raise refusal.under(*ambiguous.path) from None
        if duration is None or lasted is None or abs(last - first - lasted) <= duration.tolerance:
            return first, last, ()
        return first, last, (Doubt.DURATION_MISMATCH,)

    def _wall(self, row: SourceRow, column: str) -> datetime:
        text = self._cell(row, column)
        try:
            return self._wall_of(text)
        except Refusal as refusal:
            raise refusal.under(column) from None

    def _lasted(self, row: SourceRow) -> timedelta | None:
        duration = self._mapping.duration
        text = None if duration is None else self._optional(row, duration.column)
        if duration is None or text is None:
            return None
        units = self._number(text, duration.column)
        microseconds = units * (duration.unit // _MICROSECOND)
        if abs(units) > _LONGEST_UNITS:
            raise FieldInvalid(f"{units:f} is longer than any session.", (duration.column,))
        return timedelta(microseconds=int(microseconds.to_integral_value(ROUND_HALF_UP)))


def _identifier(text: str, column: str, longest: int = MAX_ID) -> str:
    if len(text) > longest or not text.isprintable():
        raise FieldInvalid(f"Not an identifier of at most {longest} characters.", (column,))
    return text


def _instant(time: datetime, zone: ZoneInfo, column: str) -> datetime:
    try:
        return instant_of(time, zone)
    except Refusal as refusal:
        raise refusal.under(column) from None
