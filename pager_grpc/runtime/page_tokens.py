"""Pages of lists, which fit a message, and opaque tokens of where the next one begins: the sort key of the last row."""

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from google.protobuf.message import Message

from pager_domain.errors import InvalidField

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000
PAGE_BYTES = 2 * 1024 * 1024
"""Clients take 4 MiB, which the largest single message fits, too."""

Row = TypeVar("Row")
Shown = TypeVar("Shown", bound=Message)


def page_size_of(page_size: int) -> int:
    """How many rows to show for the ``page_size`` of a request."""
    if not 0 <= page_size <= MAX_PAGE_SIZE:
        raise InvalidField("page_size", f"must be 0 to {MAX_PAGE_SIZE}")
    return page_size or DEFAULT_PAGE_SIZE


def page_of(
    rows: Sequence[Row], shown: Callable[[Row], Shown], page_size: int, token_of: Callable[[Row], str]
) -> tuple[list[Shown], str]:
    """At most ``page_size`` of ``rows`` as messages, fewer if they are large but one at least; the token of the rest.

    ``rows`` has one more than the page shall have, if there are more. No rest: the token is empty.
    """
    page = fitting(map(shown, rows[:page_size]), PAGE_BYTES)
    return page, token_of(rows[len(page) - 1]) if len(page) < len(rows) else ""


def fitting(messages: Iterable[Shown], most_bytes: int) -> list[Shown]:
    """The first of ``messages`` that are no larger together; one at least."""
    found: list[Shown] = []
    room = most_bytes
    for message in messages:
        room -= message.ByteSize()
        if found and room < 0:
            break
        found.append(message)
    return found


def encode_token(*key: str | int) -> str:
    """A token that stands for ``key``."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def decode_token(field: str, token: str, *kinds: type[str] | type[int]) -> tuple[str | int, ...] | None:
    """The key behind ``token``, its parts being of ``kinds``; None for an empty token."""
    if not token:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise InvalidField(field, "must be a token of an earlier answer") from error
    if not isinstance(key, list) or [type(part) for part in key] != list(kinds) or not all(map(_fits, key)):
        raise InvalidField(field, "must be a token of an earlier answer")
    return tuple(key)


def _fits(part: str | int) -> bool:
    """Whether a database can be asked about it: 64 bits, or text that is Unicode without NUL."""
    if isinstance(part, int):
        return -(2**63) <= part < 2**63
    return "\x00" not in part and not any("\ud800" <= sign <= "\udfff" for sign in part)
