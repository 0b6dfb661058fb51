"""Mapping files: what they say, and how they are refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from coop.charging.domain.mapping import mapping_of
from coop.charging.domain.walltime import time_format, wall_reader
from coop.charging.errors import FieldInvalid, MappingInvalid
from coop.kernel.errors import InvalidValue

from .sample import MAPPING, mapping

DOCUMENTATION = Path(__file__).resolve().parents[3] / "docs" / "mapping-files.md"


def test_what_a_mapping_does_not_say_has_stated_defaults() -> None:
    found = mapping()
    assert (found.country_code, found.party_id, found.id_column) == ("NO", "TST", "id")
    assert found.layout.encoding == "utf-8"
    assert found.layout.missing == {"", "NA"}
    assert found.energy_unit_wh == 1000
    assert found.limits.power_w == 400_000
    assert found.limits.max_session_wh == 1_000_000
    assert found.limits.zero_energy == "review"
    assert (found.prices, found.duration, found.only) == (None, None, ())
    assert found.columns == ("id", "from", "to", "kwh", "user", "hub")


def test_prices_and_limits_are_exact_whether_quoted_or_not() -> None:
    found = mapping(
        '[price]\ncurrency = "EUR"\nper_kwh = 0.1\nhubs = { H1 = "0.30" }\n'
        "[limits]\npower_kw = 7.4\nmax_power_kw = 50\nhub_power_kw = { H1 = 22 }\n"
        'max_session_kwh = 120\nlong_hours = 24\nmax_hours = "49.5"\nzero_energy = "reject"\n'
    )
    assert found.prices is not None
    prices = [found.prices.at(hub) for hub in ("H1", "H2")]
    assert prices == [Decimal("0.30"), Decimal("0.1")]
    limits = found.limits
    assert (limits.doubted_above_w("H1"), limits.doubted_above_w("H2")) == (22_000, 7_400)
    assert (limits.refused_above_w("H1"), limits.max_session_wh) == (50_000, 120_000)
    assert (limits.long_duration, limits.max_duration) == (
        timedelta(hours=24),
        timedelta(hours=49, minutes=30),
    )


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("[file", ""),
        (MAPPING.replace('separator = ";"', 'separator = ";;"'), "file.separator"),
        (MAPPING.replace('decimal = ","', 'decimal = "x"'), "file.decimal"),
        (MAPPING.replace("[file]", '[file]\nencoding = "utf-16"'), "file.encoding"),
        (MAPPING.replace("[file]", '[file]\nencoding = "nonsense"'), "file.encoding"),
        (MAPPING.replace("[file]", '[file]\nencodign = "utf-8"'), "file.encodign"),
        (MAPPING.replace('missing = ["NA"]', "missing = [1]"), "file.missing"),
        (MAPPING.replace('party_id = "tst"', ""), "identity.party_id"),
        (MAPPING.replace('party_id = "tst"', 'party_id = " "'), "identity.party_id"),
        (MAPPING.replace("Europe/Oslo", "Europe/Osloo"), "times.zone"),
        (MAPPING.replace('["%Y-%m-%d %H:%M:%S"]', "[]"), "times.formats"),
        (MAPPING.replace('["%Y-%m-%d %H:%M:%S"]', '["%Y-%m %H:%M"]'), "times.formats"),
        (MAPPING.replace('["%Y-%m-%d %H:%M:%S"]', '["%Y-%b-%d %H:%M"]'), "times.formats"),
        (MAPPING.replace("[energy]", '[energy]\nunit = "kW"'), "energy.unit"),
        (MAPPING.replace("[hub]", '[hub]\nconstant = "H"'), "hub"),
        (MAPPING.replace('[hub]\ncolumn = "hub"', "[hub]"), "hub"),
        (MAPPING.replace("[times]", "[tiems]"), "times"),
        (MAPPING + '[price]\ncurrency = "euro"\nper_kwh = 1\n', "price.currency"),
        (MAPPING + '[price]\ncurrency = "EUR"\nper_kwh = -1\n', "price.per_kwh"),
        (MAPPING + '[price]\ncurrency = "EUR"\nper_kwh = nan\n', "price.per_kwh"),
        (MAPPING + '[price]\ncurrency = "EUR"\nper_kwh = 1e3\n', "price.per_kwh"),
        (MAPPING + "[limits]\npower_kw = true\n", "limits.power_kw"),
        (MAPPING + '[limits]\nzero_energy = "maybe"\n', "limits.zero_energy"),
        (MAPPING + '[[only]]\ncolumn = "hub"\n', "only.0.equals"),
        (MAPPING + "unknown = 1\n", "hub.unknown"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_by_name(text: str, setting: str) -> None:
    with pytest.raises(MappingInvalid) as refused:
        mapping_of(text)
    assert ".".join(refused.value.path) == setting


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("%Y-%m-%d %H:%M:%S", "2026-03-02 08:05:09", datetime(2026, 3, 2, 8, 5, 9)),
        ("%d.%m.%Y %H:%M", "2.3.2026 8:05", datetime(2026, 3, 2, 8, 5)),
        ("%m/%d/%y %I:%M %p", "03/02/26 12:05 am", datetime(2026, 3, 2, 0, 5)),
        ("%m/%d/%y %I:%M %p", "03/02/26 12:05 PM", datetime(2026, 3, 2, 12, 5)),
        ("%Y-%m-%dT%H:%M:%S.%f", "2026-03-02T08:05:09.25",
         datetime(2026, 3, 2, 8, 5, 9, 250_000)),
        ("%Y-%m-%dT%H:%M%z", "2026-03-02T08:05Z", datetime(2026, 3, 2, 8, 5, tzinfo=UTC)),
        ("%Y-%m-%dT%H:%M%z", "2026-03-02T08:05-0530", datetime(2026, 3, 2, 13, 35, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_formats(form: str, text: str, expected: datetime) -> None:
    assert wall_reader([time_format(form)])(text) == expected


def test_a_year_offset_repairs_years_written_short() -> None:
    read = wall_reader([time_format("%Y-%m-%d %H:%M:%S")], year_offset=2000)
    assert read("0014-11-18 15:40:26") == datetime(2014, 11, 18, 15, 40, 26)
    # 0014 was no leap year by itself, 2016 is: the offset comes first.
    assert read("0016-02-29 00:00:00").day == 29


def test_a_time_that_two_formats_read_differently_is_refused() -> None:
    read = wall_reader([time_format("%d/%m/%Y %H:%M"), time_format("%m/%d/%Y %H:%M")])
    assert read("05/05/2026 10:00").month == 5
    with pytest.raises(FieldInvalid):
        read("03/02/2026 10:00")


@pytest.mark.parametrize("form", ["%Y-%m-%d %I:%M", "%Y%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M %"])
def test_formats_that_leave_the_time_open_are_refused(form: str) -> None:
    with pytest.raises(InvalidValue):
        time_format(form)


def test_the_example_of_the_documentation_is_a_mapping() -> None:
    text = DOCUMENTATION.read_text()
    found = mapping_of(text.split("```toml\n")[1].split("```")[0])
    assert found.prices is not None
    assert found.prices.currency == "EUR"
