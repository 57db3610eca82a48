"""Opaque page tokens: the sort key of the last row shown."""

import base64
import binascii
import json

from pager_domain.errors import InvalidField

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000


def page_size_of(page_size: int) -> int:
    """How many rows to show for the ``page_size`` of a request."""
    if not 0 <= page_size <= MAX_PAGE_SIZE:
        raise InvalidField("page_size", f"must be 0 to {MAX_PAGE_SIZE}")
    return page_size or DEFAULT_PAGE_SIZE


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
