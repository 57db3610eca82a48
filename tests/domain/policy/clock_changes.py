"""The zones of the world and the moments at which their clocks change, found by looking at every fourth day."""

import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

FIRST = datetime(2020, 1, 1, tzinfo=UTC)
LAST = datetime(2036, 1, 1, tzinfo=UTC)
_STEP = timedelta(days=4)
_SECOND = timedelta(seconds=1)

zoneinfo.reset_tzpath(())  # as the policy room does


@dataclass(frozen=True)
class ClockChange:
    """From ``at`` on the clock on the wall is ``after`` ahead of UTC, before it was ``before``."""

    zone: ZoneInfo
    at: datetime
    before: timedelta
    after: timedelta

    @property
    def walls(self):
        """What the clock would show at the change, by the old and by the new offset; naive."""
        naive = self.at.replace(tzinfo=None)
        return naive + self.before, naive + self.after

    def __str__(self):
        return f"{self.zone.key} {self.at:%Y-%m-%dT%H:%M}"


@cache
def every_zone():
    """The names of all zones; of those that are the same to the byte, one."""
    found = {}
    for name in sorted(zoneinfo.available_timezones()):
        found.setdefault(files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes(), name)
    return tuple(found.values())


@cache
def clock_changes(name):
    """The changes of the clock of a zone from 2020 to 2035, the earliest first."""
    zone, found, day = ZoneInfo(name), [], FIRST
    before = _offset(zone, day)
    while day < LAST:
        after = _offset(zone, day + _STEP)
        if before != after:
            found.append(ClockChange(zone, _moment_of_change(zone, day, day + _STEP), before, after))
        day, before = day + _STEP, after
    return tuple(found)


def every_clock_change():
    """All of them, of all zones."""
    return [change for name in every_zone() for change in clock_changes(name)]


def first_moment_by_trying(wall, name):
    """The first moment at which the clock shows ``wall`` or later: the earliest that does of all that may."""
    zone, naive = ZoneInfo(name), wall.replace(tzinfo=UTC)
    near = [change for change in clock_changes(name) if abs(change.at - naive) < _STEP]
    offsets = {_offset(zone, naive), *(change.before for change in near), *(change.after for change in near)}
    candidates = {change.at for change in near} | {naive - offset for offset in offsets}
    return min(moment for moment in candidates if moment.astimezone(zone).replace(tzinfo=None) >= wall)


def _offset(zone, moment):
    return moment.astimezone(zone).utcoffset()


def _moment_of_change(zone, before, after):
    old = _offset(zone, before)
    while after - before > _SECOND:
        middle = before + (after - before) // 2 // _SECOND * _SECOND
        before, after = (middle, after) if _offset(zone, middle) == old else (before, middle)
    return after
