"""Spans, moments and pages, as every service of the policy room says them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from pager_domain.errors import InvalidField
from pager_domain.kernel import checked_id
from pager_domain.wall_time import checked_calendar_moment
from pager_grpc.runtime.page_tokens import decode_token, encode_token


class Entry(Protocol):
    """What a page is made of."""

    @property
    def entry_id(self) -> str:
        """What it is ordered by."""


@contextmanager
def under(path: str) -> Iterator[None]:
    """What is malformed inside is reported as a field of ``path``."""
    try:
        yield
    except InvalidField as fault:
        raise InvalidField(f"{path}.{fault.field}", fault.limit) from None


def span_in(message: Message, field: str, most: timedelta, limit: str) -> timedelta | None:
    """The span that ``field`` of ``message`` holds, 0 to ``most``; None if it is unset."""
    return span_from(field, getattr(message, field), most, limit) if message.HasField(field) else None


def moment_in(message: Message, field: str) -> datetime | None:
    """The moment that ``field`` of ``message`` holds, in UTC, of the years of calendars; None if it is unset."""
    if not message.HasField(field):
        return None
    timestamp: Timestamp = getattr(message, field)
    try:
        moment = timestamp.ToDatetime(UTC)
    except (ValueError, OverflowError):
        raise InvalidField(field, "must be a moment of the years 1 to 9999") from None
    return checked_calendar_moment(field, moment)


def span_from(field: str, span: Duration, most: timedelta, limit: str) -> timedelta:
    """``span`` if it is 0 to ``most``; a Duration can hold what no timedelta can, and contradict itself."""
    if not (0 <= span.seconds <= most // timedelta(seconds=1) and 0 <= span.nanos < 10**9):
        raise InvalidField(field, limit)
    return span.ToTimedelta()


def duration_to(span: timedelta) -> Duration:
    """A span on the wire."""
    duration = Duration()
    duration.FromTimedelta(span)
    return duration


def optional_duration_to(span: timedelta | None) -> Duration | None:
    """A span on the wire; unset for None."""
    return duration_to(span) if span is not None else None


def timestamp_to(moment: datetime) -> Timestamp:
    """A moment on the wire."""
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def id_after_from(page_token: str) -> str | None:
    """The id that the page before ended with; None to begin."""
    key = decode_token("page_token", page_token, str)
    return checked_id("page_token", str(key[0])) if key is not None else None


def token_after(entry: Entry) -> str:
    """Of the page that begins behind ``entry``."""
    return encode_token(entry.entry_id)
