"""Moments as people read them: local time with its zone, and how long ago."""

from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp


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
    return f"{_rough(passed)} ago" if passed > timedelta(0) else f"in {_rough(-passed)}"


def _rough(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
