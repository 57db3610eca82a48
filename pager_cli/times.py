"""Moments that commands take and show in the zone of a schedule."""

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from google.protobuf.timestamp_pb2 import Timestamp

from pager_cli.moments import parse_moment
from pager_cli.outcome import USAGE, CommandFailed


def zone_named(name: str) -> tzinfo:
    """The zone of a schedule, for what is shown; UTC where this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def read_moment(option: str, written: str, zone: tzinfo | None, now: datetime) -> datetime:
    """The moment that ``written`` means, as :func:`~pager_cli.moments.parse_moment` has it.

    Raises:
        CommandFailed: it means none; ``option`` is named.
    """
    try:
        return parse_moment(written, now, zone)
    except ValueError as error:
        raise CommandFailed(USAGE, f"{option}: {error}") from error


def stamp(moment: datetime) -> Timestamp:
    """``moment`` as a message has it."""
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def shown(moment: Timestamp, zone: tzinfo) -> str:
    """``Mon 2026-11-02 09:00 CET``."""
    return moment.ToDatetime(tzinfo=UTC).astimezone(zone).strftime("%a %Y-%m-%d %H:%M %Z")
