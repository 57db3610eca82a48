"""The clock on the wall: local times of an IANA zone as moments in UTC, and back.

A local time means the first moment at which the clock on the wall shows it or a later time. So one that a clock change
skips means the change itself, and one that comes twice means its first occurrence; and a later local time never means
an earlier moment.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pager_domain.errors import InvalidField
from pager_domain.kernel import checked_moment

FIRST_YEAR = 1970
LAST_YEAR = 2200
MAX_SPAN = timedelta(days=366)

_SECOND = timedelta(seconds=1)


def zone_named(name: str) -> ZoneInfo:
    """The IANA zone of that name, like Europe/Berlin.

    Raises:
        InvalidField: there is none, in the field ``time_zone``.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidField("time_zone", "must be an IANA time zone like Europe/Berlin") from None


def checked_calendar_moment(field: str, value: datetime) -> datetime:
    """``value`` in UTC if it is aware and of the years that calendars are made for."""
    moment = checked_moment(field, value) if _of_our_years(value) else value
    if not _of_our_years(moment):
        raise InvalidField(field, f"must be of the years {FIRST_YEAR} to {LAST_YEAR}")
    return moment


def checked_span(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """``start`` and ``end`` in UTC, if the end is later, but not by more than 366 days.

    Raises:
        InvalidField: they are not, in the field ``start_time`` or ``end_time``.
    """
    start, end = checked_calendar_moment("start_time", start), checked_calendar_moment("end_time", end)
    if not timedelta(0) < end - start <= MAX_SPAN:
        raise InvalidField("end_time", f"must be after start_time, at most {MAX_SPAN.days} days after")
    return start, end


def checked_wall_time(field: str, value: datetime) -> datetime:
    """``value`` if it is naive, of whole seconds, and of the years that calendars are made for."""
    if value.tzinfo is not None or value.microsecond:
        raise InvalidField(field, "must be a local time like 2026-11-02T09:00")
    if not _of_our_years(value):
        raise InvalidField(field, f"must be of the years {FIRST_YEAR} to {LAST_YEAR}")
    return value.replace(fold=0)


def on_the_wall(moment: datetime, zone: ZoneInfo) -> datetime:
    """What the clock on the wall shows at ``moment``, naive."""
    return moment.astimezone(zone).replace(tzinfo=None, fold=0)


def first_moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first moment, in UTC, at which the clock on the wall shows ``wall`` (naive) or a later time."""
    moment = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if on_the_wall(moment, zone) == wall:
        return moment
    return _end_of_gap(wall, zone)


def _end_of_gap(wall: datetime, zone: ZoneInfo) -> datetime:
    # Read with the offset of after the change, a skipped time lies before the change; with that of before, after it.
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    after = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        middle -= timedelta(microseconds=middle.microsecond)
        if on_the_wall(middle, zone) >= wall:
            after = middle
        else:
            before = middle
    return after


def _of_our_years(value: datetime) -> bool:
    return FIRST_YEAR <= value.year <= LAST_YEAR
