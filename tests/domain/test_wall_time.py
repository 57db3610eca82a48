from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from domain.policy.clock_changes import every_clock_change, every_zone, first_moment_by_trying
from fakes.schedule_builders import utc, wall

from pager_domain.errors import InvalidField
from pager_domain.wall_time import (
    checked_calendar_moment,
    checked_wall_time,
    first_moment,
    on_the_wall,
    zone_named,
)

BERLIN = ZoneInfo("Europe/Berlin")
SECOND = timedelta(seconds=1)


def test_a_local_time_is_the_moment_at_which_the_clock_shows_it():
    assert first_moment(wall("2026-07-01 09:00"), BERLIN) == utc("2026-07-01 07:00")
    assert first_moment(wall("2026-12-01 09:00"), BERLIN) == utc("2026-12-01 08:00")
    assert on_the_wall(utc("2026-12-01 08:00"), BERLIN) == wall("2026-12-01 09:00")


@pytest.mark.parametrize("skipped", ["2026-03-29 02:00", "2026-03-29 02:30", "2026-03-29 02:59:59"])
def test_a_local_time_that_is_skipped_means_the_change_itself(skipped):
    assert first_moment(wall(skipped), BERLIN) == utc("2026-03-29 01:00")


@pytest.mark.parametrize(
    ("repeated", "first"), [("2026-10-25 02:00", "2026-10-25 00:00"), ("2026-10-25 02:59", "2026-10-25 00:59")]
)
def test_a_local_time_that_comes_twice_means_the_first_time(repeated, first):
    assert first_moment(wall(repeated), BERLIN) == utc(first)
    assert first_moment(wall(repeated).replace(fold=1), BERLIN) == utc(first)


def test_a_day_that_a_zone_skips_means_the_beginning_of_the_next_one():
    # Samoa went from the 29th to the 31st of December 2011.
    assert first_moment(wall("2011-12-30 15:00"), ZoneInfo("Pacific/Apia")) == utc("2011-12-30 10:00")


def test_the_rule_holds_at_every_change_of_every_clock_of_the_world():
    changes = every_clock_change()
    assert len(changes) > 3000
    for change in changes:
        earlier, later = sorted(change.walls)
        for shown in (earlier - SECOND, earlier, earlier + (later - earlier) / 2, later - SECOND, later):
            whole = shown.replace(microsecond=0)
            moment = first_moment(whole, change.zone)
            assert moment == first_moment_by_trying(whole, change.zone.key), (str(change), whole)
            assert on_the_wall(moment, change.zone) >= whole > on_the_wall(moment - SECOND, change.zone)


def test_every_zone_has_a_noon_every_day_of_a_year():
    noon = datetime(2027, 1, 1, 12)  # noqa: DTZ001 - a local time
    for name in every_zone():
        zone = zone_named(name)
        for day in range(0, 365, 28):
            shown = noon + timedelta(days=day)
            assert on_the_wall(first_moment(shown, zone), zone) == shown


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Berlin",
        "europe/berlin",
        "Europe",
        "../tzdata/zones",
        "/etc/localtime",
        "A\0b",
        "CEST",
        "Ü",
        "zones",
        "x" * 300,
    ],
)
def test_a_zone_that_does_not_exist_is_refused(name):
    with pytest.raises(InvalidField) as refused:
        zone_named(name)
    assert refused.value.field == "time_zone"


@pytest.mark.parametrize(
    "value",
    [
        datetime(1969, 12, 31, 23, tzinfo=UTC),
        datetime(2201, 1, 1, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=timezone(timedelta(hours=1))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=1))),
        datetime(2026, 1, 1),  # noqa: DTZ001 - naive, and refused for it
    ],
)
def test_a_moment_that_no_calendar_has_is_refused(value):
    with pytest.raises(InvalidField) as refused:
        checked_calendar_moment("at_time", value)
    assert refused.value.field == "at_time"


@pytest.mark.parametrize(
    "value", [utc("2026-01-01"), wall("1969-12-31 23:00"), wall("2201-01-01"), wall("2026-01-01 09:00:00.5")]
)
def test_a_local_time_is_naive_of_whole_seconds_and_of_our_years(value):
    with pytest.raises(InvalidField) as refused:
        checked_wall_time("start_local_time", value)
    assert refused.value.field == "start_local_time"
