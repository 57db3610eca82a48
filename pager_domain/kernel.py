"""What two rooms share: checked text, addresses, targets, limits of levels and the clock.

Values refuse nonsense on construction with :class:`~pager_domain.errors.InvalidField`. A value that is nested in
a message names its own field; the wire adds the path that leads to it.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NewType, Protocol

from pager_domain.errors import InvalidField
from pager_domain.values import value

MonitoredServiceId = NewType("MonitoredServiceId", str)
PolicyId = NewType("PolicyId", str)
TargetId = NewType("TargetId", str)

MAX_ID_BYTES = 255
MAX_LEVELS = 20
MAX_TARGETS_PER_LEVEL = 50
MAX_REPEAT_COUNT = 100
MIN_ACKNOWLEDGEMENT_TIMEOUT = timedelta(seconds=1)
MAX_ACKNOWLEDGEMENT_TIMEOUT = timedelta(hours=24)
DEFAULT_ACKNOWLEDGEMENT_TIMEOUT = timedelta(minutes=15)

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# RFC 5321 lengths; quoted local parts and address literals are refused on purpose: no pager target has one.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# There is one way at most to read a text as labels: nonsense is refused as quickly as an address is taken.
_EMAIL = re.compile(rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~.-]{{1,64}}@{_LABEL}(?:\.{_LABEL})*\.?")
# ITU-T E.164: a plus sign and at most 15 digits, the first not zero.
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


CANARY_ADDRESS = "canary@pager.invalid"
"""Whom the pager pages to see whether paging works; the notifier sends that nowhere (RFC 2606: .invalid is nobody)."""


class Clock(Protocol):
    """Where a room without a database clock takes its time from."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""


def checked_id(field: str, value: str) -> str:
    """``value`` if it is 1 to 255 bytes without control characters."""
    checked_text(field, value, MAX_ID_BYTES, required=True)
    if _CONTROL.search(value):
        raise InvalidField(field, "must not contain control characters")
    return value


def checked_text(field: str, value: str, max_bytes: int, *, required: bool = False) -> str:
    """``value`` if it fits ``max_bytes`` of UTF-8 and holds no control character but tab and line ends."""
    if not value and not required:
        return value
    if required and not value.strip():
        raise InvalidField(field, "is required")
    # A character takes at least one byte, so a long text is refused before it is encoded.
    if len(value) > max_bytes or (not value.isascii() and len(value.encode()) > max_bytes):
        raise InvalidField(field, f"must be at most {max_bytes} bytes")
    if not value.isprintable() and _CONTROL_BUT_LINES.search(value):
        raise InvalidField(field, "must not contain control characters")
    return value


def checked_moment(field: str, value: datetime) -> datetime:
    """``value`` in UTC; a naive moment is refused."""
    if value.tzinfo is None:
        raise InvalidField(field, "must carry a time zone")
    return value.astimezone(UTC)


@value
class EmailAddress:
    """An address like ``ana@example.com``, at most 254 bytes (RFC 5321), ASCII."""

    value: str

    def __post_init__(self) -> None:
        if len(self.value) > 254 or not _EMAIL.fullmatch(self.value):
            raise InvalidField("email_address", "must be an e-mail address like ana@example.com, at most 254 bytes")

    @property
    def hint(self) -> str:
        """Enough to recognise the address, never all of it."""
        return "…@" + self.value.rpartition("@")[2]


@value
class PhoneNumber:
    """A number in E.164 form, like ``+4915112345678``."""

    value: str

    def __post_init__(self) -> None:
        if not _E164.fullmatch(self.value):
            raise InvalidField("phone_number", "must be an E.164 phone number like +4915112345678")

    @property
    def hint(self) -> str:
        """Enough to recognise the number, never all of it."""
        return "…" + self.value[-2:]


@dataclass(frozen=True, slots=True)
class SealedAddress:
    """An address or number as it was stored, sealed with a key that is not here: nobody can be reached by it."""

    sealed: str

    @property
    def value(self) -> str:
        """What tells it from other addresses; not the address."""
        return self.sealed

    @property
    def hint(self) -> str:
        """Nothing of it is known."""
        return "…"


@value
class EmailTarget:
    """Somebody reached by e-mail."""

    target_id: TargetId
    address: EmailAddress | SealedAddress

    def __post_init__(self) -> None:
        checked_id("target_id", self.target_id)


@value
class SmsTarget:
    """Somebody reached by text message."""

    target_id: TargetId
    number: PhoneNumber | SealedAddress

    def __post_init__(self) -> None:
        checked_id("target_id", self.target_id)


NotificationTarget = EmailTarget | SmsTarget


def is_readable(target: NotificationTarget) -> bool:
    """Whether anybody can be reached there: False while its address is sealed."""
    known = target.address if isinstance(target, EmailTarget) else target.number
    return not isinstance(known, SealedAddress)


def email_target(target_id: str, address: str) -> EmailTarget:
    """An :class:`EmailTarget` from plain text."""
    return EmailTarget(TargetId(target_id), EmailAddress(address))


def sms_target(target_id: str, number: str) -> SmsTarget:
    """An :class:`SmsTarget` from plain text."""
    return SmsTarget(TargetId(target_id), PhoneNumber(number))


def checked_repeat_count(repeat_count: int) -> int:
    """``repeat_count`` if it is 0 to 100."""
    if not 0 <= repeat_count <= MAX_REPEAT_COUNT:
        raise InvalidField("repeat_count", f"must be 0 to {MAX_REPEAT_COUNT}")
    return repeat_count
