"""The mapping file: what the columns of an export mean (docs/mapping-files.md explains it).

Read with `mapping_of(text)`. An unknown setting is refused as firmly as a missing one: a misspelt
`year_ofset` must not be ignored. Numbers may be written bare (2.50) or quoted; either way they are
exact decimals.
"""

from __future__ import annotations

import codecs
import tomllib
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TypeVar, get_args
from zoneinfo import ZoneInfo

from coop.charging.domain.mapping_settings import Settings
from coop.charging.domain.plausibility import Limits, ZeroPolicy
from coop.charging.domain.session import normal_id
from coop.charging.domain.walltime import TimeFormat, time_format
from coop.charging.errors import MappingInvalid
from coop.kernel.clock import zone_named
from coop.kernel.money import currency_scale
from coop.kernel.rate import round_half_up

T = TypeVar("T")
_ENERGY_UNITS = {"Wh": 1, "kWh": 1000, "MWh": 1_000_000}
_TIME_UNITS = {
    "seconds": timedelta(seconds=1),
    "minutes": timedelta(minutes=1),
    "hours": timedelta(hours=1),
}
_HUNDRED_PERCENT_ASCII = bytes(range(0x20, 0x7F)) + b"\r\n\t"


@dataclass(frozen=True, slots=True)
class Layout:
    """How the bytes become cells. `missing` are the cells that mean "no value"."""

    encoding: str = "utf-8"
    separator: str = ","
    quote: str = '"'
    decimal: str = "."
    missing: frozenset[str] = frozenset({""})


@dataclass(frozen=True, slots=True)
class Source:
    """Where a text comes from: a column, or the same constant for every row, or nowhere."""

    column: str | None = None
    constant: str | None = None
    register: bool = False


@dataclass(frozen=True, slots=True)
class Times:
    """The columns of start and end, how they are written, and whose clocks they were read from."""

    start: str
    end: str
    formats: tuple[TimeFormat, ...]
    zone: ZoneInfo
    hub_zones: Dictionary[str, ZoneInfo] = field(default_factory=dict)
    year_offset: int = 0


@dataclass(frozen=True, slots=True)
class Duration:
    """A column that says how long the session was plugged in: checked, and on request believed.

    `settles_ambiguous` lets it choose between the two instants of the hour that clocks repeat.
    """

    column: str
    unit: timedelta
    tolerance: timedelta
    settles_ambiguous: bool


@dataclass(frozen=True, slots=True)
class Prices:
    """Flat prices per kWh, for the hubs that the file registers."""

    currency: str
    per_kwh: Decimal | None
    hubs: Dictionary[str, Decimal]

    def at(self, hub_ref: str) -> Decimal | None:
        """The price of one hub, or None when the mapping states none."""
        return self.hubs.get(hub_ref, self.per_kwh)


@dataclass(frozen=True, slots=True)
class SessionMapping:
    """Everything a mapping file says. `only` are the cells a row must have to be read at all."""

    layout: Layout
    country_code: str
    party_id: str
    id_column: str
    times: Times
    energy_column: str
    energy_unit_wh: int
    user: Source
    hub: Source
    port: Source
    hub_names: Dictionary[str, str]
    duration: Duration | None
    only: tuple[tuple[str, frozenset[str]], ...]
    prices: Prices | None
    limits: Limits

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the file must have, in the order of the mapping."""
        optional = (self.user.column, self.hub.column, self.port.column)
        wanted = [self.id_column, self.times.start, self.times.end, self.energy_column]
        wanted += [column for column in optional if column is not None]
        wanted += [self.duration.column] if self.duration else []
        wanted += [column for column, _ in self.only]
        return tuple(dict.fromkeys(wanted))


def mapping_of(text: str) -> SessionMapping:
    """The mapping that a TOML text writes. Refuses MAPPING_INVALID, naming the setting."""
    try:
        document = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, ValueError, ArithmeticError) as error:
        raise MappingInvalid(f"The mapping is not TOML: {error}.") from None
    settings = Settings(document)
    identity = settings.table("identity")
    energy = settings.table("energy")
    mapping = SessionMapping(
        layout=_layout(settings.table("file", optional=True)),
        country_code=identity.text("country_code").upper(),
        party_id=identity.text("party_id").upper(),
        id_column=identity.text("column"),
        times=_times(settings.table("times")),
        energy_column=energy.text("column"),
        energy_unit_wh=_ENERGY_UNITS[energy.choice("unit", tuple(_ENERGY_UNITS), "kWh")],
        user=_source(settings.table("user", optional=True)),
        hub=_hub_source(hub := settings.table("hub")),
        port=_source(settings.table("port", optional=True)),
        hub_names=_by_hub(hub.texts_by_name("names")),
        duration=_duration(settings),
        only=_only(settings),
        prices=_prices(settings),
        limits=_limits(settings.table("limits", optional=True)),
    )
    settings.refuse_unknown()
    return mapping


def _layout(table: Settings) -> Layout:
    return Layout(
        encoding=_encoding(table.text("encoding", "utf-8")),
        separator=table.character("separator", ","),
        quote=table.character("quote", '"'),
        decimal=table.choice("decimal", (".", ","), "."),
        missing=frozenset({"", *table.texts("missing")}),
    )


def _encoding(name: str) -> str:
    """The codec of `name`; it must extend ASCII, so that lines can be told before decoding."""
    try:
        plain = _HUNDRED_PERCENT_ASCII.decode(name).encode("ascii") == _HUNDRED_PERCENT_ASCII
        found = codecs.lookup(name).name
    except (LookupError, UnicodeError):
        plain, found = False, ""
    if not plain:
        raise MappingInvalid(
            f'"{name}" is not an encoding that extends ASCII, such as utf-8 or cp1252.',
            ("file", "encoding"),
        )
    return found


def _times(table: Settings) -> Times:
    return Times(
        start=table.text("start"),
        end=table.text("end"),
        formats=tuple(
            table.checked("formats", time_format, text) for text in table.texts("formats")
        )
        or table.missing("formats"),
        zone=table.checked("zone", zone_named, table.text("zone")),
        hub_zones={
            hub: table.checked("hub_zones", zone_named, name)
            for hub, name in _by_hub(table.texts_by_name("hub_zones")).items()
        },
        year_offset=table.integer("year_offset", 0),
    )


def _source(table: Settings) -> Source:
    return Source(
        column=table.text("column", None),
        constant=table.text("constant", None),
        register=table.flag("register"),
    )


def _hub_source(table: Settings) -> Source:
    source = _source(table)
    if (source.column is None) == (source.constant is None):
        raise MappingInvalid("[hub] needs either a column or a constant.", ("hub",))
    return source


def _duration(settings: Settings) -> Duration | None:
    if not settings.has("duration"):
        return None
    table = settings.table("duration")
    unit = _TIME_UNITS[table.choice("unit", tuple(_TIME_UNITS), "hours")]
    return Duration(
        column=table.text("column"),
        unit=unit,
        tolerance=timedelta(seconds=table.integer("tolerance_seconds", 60)),
        settles_ambiguous=table.flag("settles_ambiguous"),
    )


def _only(settings: Settings) -> tuple[tuple[str, frozenset[str]], ...]:
    return tuple(
        (table.text("column"), frozenset(table.texts("equals")) or table.missing("equals"))
        for table in settings.tables("only")
    )


def _prices(settings: Settings) -> Prices | None:
    if not settings.has("price"):
        return None
    table = settings.table("price")
    currency = table.text("currency")
    table.checked("currency", currency_scale, currency)
    return Prices(currency, table.decimal("per_kwh", None), _by_hub(table.decimals_by_name("hubs")))


def _limits(table: Settings) -> Limits:
    usual = Limits()
    highest = table.decimal("max_power_kw", None)
    return Limits(
        power_w=_thousandths(table.decimal("power_kw", None), usual.power_w),
        max_power_w=None if highest is None else _thousandths(highest, 0),
        hub_power_w={
            hub: _thousandths(power_kw, 0)
            for hub, power_kw in _by_hub(table.decimals_by_name("hub_power_kw")).items()
        },
        max_session_wh=_thousandths(table.decimal("max_session_kwh", None), usual.max_session_wh),
        long_duration=_hours(table.decimal("long_hours", None), usual.long_duration),
        max_duration=_hours(table.decimal("max_hours", None), usual.max_duration),
        tolerance=timedelta(seconds=table.integer("tolerance_seconds", 60)),
        zero_energy=table.choice("zero_energy", get_args(ZeroPolicy), usual.zero_energy),
    )


def _by_hub(values: dict[str, T]) -> dict[str, T]:
    """Settings by hub, whose references are equal in any case."""
    return {normal_id(hub): value for hub, value in values.items()}


def _thousandths(value: Decimal | None, usual: int) -> int:
    return usual if value is None else round_half_up(value * 1000)


def _hours(value: Decimal | None, usual: timedelta) -> timedelta:
    return usual if value is None else timedelta(seconds=round_half_up(Fraction(value) * 3600))
