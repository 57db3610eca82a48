"""Codes that show that messages to a contact method arrive with its owner.

Six digits, sent to the address and brought back within 10 minutes. A newer code takes the place of an older one. Of a
code a salted hash is kept, and it works once, for the address that it was sent to.
"""

import hashlib
import hmac
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from pager_domain.errors import InvalidField
from pager_domain.kernel import PhoneNumber
from pager_domain.policy.errors import CodeSentRecently, ContactMethodVerified
from pager_domain.policy.people import Address, ContactMethod, ContactMethodId, PersonId

COUNTS_FOR = timedelta(minutes=10)
PAUSE = timedelta(minutes=1)
MOST_WRONG_TRIES = 5
_DIGITS = 6
_SIX_DIGITS = re.compile(r"[0-9]{6}")
_SALT_BYTES = 16

TokenBytes = Callable[[int], bytes]
"""So many bytes that nobody can guess."""


class Refusal(StrEnum):
    """Why a code does not count."""

    NONE_SENT = "none_sent"
    WRONG = "wrong"
    EXPIRED = "expired"
    TRIED_TOO_OFTEN = "tried_too_often"


@dataclass(frozen=True, slots=True)
class Verification:
    """The newest code that a contact method was given. ``sent_at`` is None if it is known that none was sent."""

    person_id: PersonId
    contact_method_id: ContactMethodId
    generation: int
    address: str = field(repr=False)
    salt: bytes = field(repr=False)
    code_hash: bytes = field(repr=False)
    created_at: datetime
    sent_at: datetime | None
    wrong_tries: int = 0
    used: bool = False

    @property
    def expires_at(self) -> datetime:
        """From then on it does not count."""
        return self.created_at + COUNTS_FOR

    @property
    def request_id(self) -> str:
        """What the notifier knows the message by: the same for every attempt to send this code, of no other one."""
        facts = (self.person_id, self.contact_method_id, str(self.generation), self.salt.hex())
        return "verification-" + hashlib.sha256("\0".join(facts).encode()).hexdigest()[:32]

    def tried(self, address: Address, code: str, now: datetime) -> "tuple[Verification, Refusal | None]":
        """What is kept after ``code`` came back for the contact method, now at ``address``, and why it is refused."""
        if self.used or address.value != self.address:
            return self, Refusal.NONE_SENT
        if now >= self.expires_at:
            return self, Refusal.EXPIRED
        if self.wrong_tries >= MOST_WRONG_TRIES:
            return self, Refusal.TRIED_TOO_OFTEN
        if hmac.compare_digest(self.code_hash, _hashed(code, self.salt)):
            return replace(self, used=True), None
        once_more = replace(self, wrong_tries=self.wrong_tries + 1)
        exhausted = once_more.wrong_tries >= MOST_WRONG_TRIES
        return once_more, Refusal.TRIED_TOO_OFTEN if exhausted else Refusal.WRONG


@dataclass(frozen=True, slots=True)
class VerificationMessage:
    """What is sent; a text message has no subject. It holds the code and is shown in no log."""

    subject: str = field(repr=False)
    text: str = field(repr=False)


def new_code(
    before: Verification | None, person_id: PersonId, method: ContactMethod, now: datetime, token_bytes: TokenBytes
) -> tuple[Verification, str]:
    """The next code of ``method`` and what is kept of it; it is taken for sent until it is known not to be.

    Raises:
        ContactMethodVerified: it needs no code.
        CodeSentRecently: a code was sent less than a minute ago.
    """
    if method.verified_at is not None:
        raise ContactMethodVerified(person_id, method.contact_method_id)
    if before is not None and before.sent_at is not None and now < before.sent_at + PAUSE:
        raise CodeSentRecently(person_id, method.contact_method_id, before.sent_at + PAUSE - now)
    # 16 bytes make every code as likely as any other, but for one part in 10^32.
    code = f"{int.from_bytes(token_bytes(16)) % 10**_DIGITS:0{_DIGITS}}"
    salt = token_bytes(_SALT_BYTES)
    verification = Verification(
        person_id=person_id,
        contact_method_id=method.contact_method_id,
        generation=before.generation + 1 if before is not None else 1,
        address=method.address.value,
        salt=salt,
        code_hash=_hashed(code, salt),
        created_at=now,
        sent_at=now,
    )
    return verification, code


def checked_code(code: str) -> str:
    """``code`` if it is six digits; anything else is no try."""
    if not _SIX_DIGITS.fullmatch(code):
        raise InvalidField("code", "must be six digits")
    return code


def message_of(verification: Verification, address: Address, code: str) -> VerificationMessage:
    """The words around ``code``."""
    minutes = COUNTS_FOR // timedelta(minutes=1)
    if isinstance(address, PhoneNumber):
        counts = f"{code} is the code by which the Pager may page this number. It counts for {minutes} minutes."
        return VerificationMessage("", f"{counts} If you do not know what this is about, do nothing.")
    return VerificationMessage(
        "Confirm this address",
        f"{code} is the code for this address. It counts for {minutes} minutes.\n\n"
        f"Whoever is paged as {verification.person_id} brings it back:\n"
        f"pagerctl person verify {shlex.quote(verification.person_id)} {shlex.quote(verification.contact_method_id)}"
        f" --code {code}\n\n"
        "If you do not know what this is about, do nothing: no page will come here.\n",
    )


def _hashed(code: str, salt: bytes) -> bytes:
    # Whoever has the hash may try a million codes; this makes it an hour or more, and a try some milliseconds.
    return hashlib.scrypt(code.encode(), salt=salt, n=2**12, r=8, p=1)
