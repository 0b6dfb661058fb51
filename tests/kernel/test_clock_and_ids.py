"""Wall time that is never guessed, and ids that sort."""

from datetime import UTC, datetime

import pytest

from coop.kernel.clock import TimeAmbiguous, TimeNonexistent, instant_of_wall, utc_now, zone_named
from coop.kernel.errors import InvalidValue
from coop.kernel.ids import uuid7

OSLO = zone_named("Europe/Oslo")


def test_a_wall_time_that_happened_once_is_an_instant() -> None:
    assert instant_of_wall(datetime(2019, 7, 1, 12), OSLO) == datetime(2019, 7, 1, 10, tzinfo=UTC)
    assert instant_of_wall(datetime(2019, 1, 1), OSLO) == datetime(2018, 12, 31, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wall", "kind"),
    [
        (datetime(2019, 3, 31, 1, 59, 59), None),
        (datetime(2019, 3, 31, 2), TimeNonexistent),
        (datetime(2019, 3, 31, 2, 59, 59), TimeNonexistent),
        (datetime(2019, 3, 31, 3), None),
        (datetime(2019, 10, 27, 1, 59, 59), None),
        (datetime(2019, 10, 27, 2), TimeAmbiguous),
        (datetime(2019, 10, 27, 2, 59, 59), TimeAmbiguous),
        (datetime(2019, 10, 27, 3), None),
    ],
)
def test_the_two_hours_a_year_that_are_not_guessed(
    wall: datetime, kind: type[InvalidValue] | None
) -> None:
    if kind is None:
        assert instant_of_wall(wall, OSLO).astimezone(OSLO).replace(tzinfo=None) == wall
    else:
        with pytest.raises(kind):
            instant_of_wall(wall, OSLO)


@pytest.mark.parametrize("name", ["Europe/Nowhere", "", "../etc/passwd", "Europe"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidValue):
        zone_named(name)


def test_ids_are_version_7_and_sort_as_they_were_made() -> None:
    before = int(utc_now().timestamp() * 1000)
    made = [uuid7() for _ in range(20_000)]
    after = int(utc_now().timestamp() * 1000)
    assert all(one.version == 7 and one.variant == "specified in RFC 4122" for one in made)
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert before <= made[0].int >> 80
    assert made[-1].int >> 80 <= after + 1_000
