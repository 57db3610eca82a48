"""Moments as people read them: local time with its zone, and how long ago."""

from datetime import UTC, datetime, timedelta, tzinfo

from google.protobuf.timestamp_pb2 import Timestamp

from pager_cli.durations import parse_duration

WRITTEN_MOMENT = "must be a moment like 2026-11-25T03:00, with an offset or in local time, or now+2h"


def parse_moment(text: str, now: datetime, zone: tzinfo | None = None) -> datetime:
    """The moment that ``text`` means, in UTC: ISO 8601, or like ``now+2h``.

    Without an offset it is a time of ``zone``, of this machine if that is None.

    Raises:
        ValueError: it means none.
    """
    try:
        if text.startswith("now"):
            return _relative(text.removeprefix("now"), now)
        moment = datetime.fromisoformat(text)
        return (moment.replace(tzinfo=zone) if zone and moment.tzinfo is None else moment).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(WRITTEN_MOMENT) from error


def _relative(text: str, now: datetime) -> datetime:
    if not text:
        return now
    if text[0] not in "+-":
        raise ValueError(WRITTEN_MOMENT)
    span = parse_duration(text[1:])
    return now + span if text[0] == "+" else now - span


def local(moment: Timestamp) -> datetime:
    """``moment`` in the time zone of whoever reads it."""
    return moment.ToDatetime(tzinfo=UTC).astimezone()


def full_time(moment: Timestamp) -> str:
    """``2026-03-01 03:12:04 CET``."""
    return local(moment).strftime("%Y-%m-%d %H:%M:%S %Z")


def clock_time(moment: Timestamp, day: Timestamp) -> str:
    """``03:12:04``, with the date before it when it is not on the same local day as ``day``."""
    when = local(moment)
    return when.strftime("%H:%M:%S" if when.date() == local(day).date() else "%Y-%m-%d %H:%M:%S")


def distance(moment: Timestamp, now: datetime) -> str:
    """``12 min ago``, ``in 3 min``, ``now``."""
    passed = now - moment.ToDatetime(tzinfo=UTC)
    if abs(passed) < timedelta(seconds=1):
        return "now"
    return f"{rough(passed)} ago" if passed > timedelta(0) else f"in {rough(-passed)}"


def rough(span: timedelta) -> str:
    """``12 min``."""
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
