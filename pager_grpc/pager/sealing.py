"""Contact data at rest: sealed with a key that the database does not have.

Whoever reads the database of the pager alone learns nobody's address; that two pages go to the same one can be seen,
because storms are arranged by it.
"""

import base64
import hmac
from collections.abc import Sequence
from functools import lru_cache

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from prometheus_client import Counter

log = structlog.get_logger()

REMEMBERED = 8_192
"""Addresses of which a process remembers both forms: each is sealed and opened once while it is in use."""


class Sealing:
    """The first of ``keys`` seals and tells recipients apart, each of them opens; a key is 32 bytes in base64url.

    Raises:
        ValueError: there is no key, or one is malformed.
    """

    def __init__(self, keys: Sequence[str], unreadable: Counter | None = None) -> None:
        if not keys:
            raise ValueError("at least one key is needed")
        self._ciphers = MultiFernet([Fernet(key) for key in keys])
        self._recipients_key = _derived(keys[0], b"hexagonal-pager recipients")
        self._unreadable = unreadable
        self._sealed_here: dict[str, str] = {}
        self.sealed = lru_cache(REMEMBERED)(self._sealed)
        self.opened = lru_cache(REMEMBERED)(self._opened)
        self.recipient = lru_cache(REMEMBERED)(self._recipient)

    def fingerprint(self, text: str) -> str:
        """The same for equal text, and nothing that tells the text to whoever has no key: 32 hexadecimal digits."""
        return hmac.digest(self._recipients_key, text.encode(), "sha256")[:16].hex()

    def _sealed(self, address: str) -> str:
        """``address`` as it may be stored. Most pages are read again by who wrote them, before long."""
        sealed = self._ciphers.encrypt(address.encode()).decode()
        if len(self._sealed_here) >= REMEMBERED:
            del self._sealed_here[next(iter(self._sealed_here))]
        self._sealed_here[sealed] = address
        return sealed

    def _opened(self, sealed: str) -> str | None:
        """The address, or None if no key opens it; that is logged and counted when it is met first."""
        if (address := self._sealed_here.get(sealed)) is not None:
            return address
        try:
            return self._ciphers.decrypt(sealed).decode()
        except (InvalidToken, ValueError):  # a sealed address is ASCII, whatever stands there now
            advice = "is the key that sealed it missing in PAGER_ADDRESS_KEYS?"
            log.error("address_cannot_be_opened", advice=advice)  # noqa: TRY400 - where from says nothing more
            if self._unreadable is not None:
                self._unreadable.inc()
            return None

    def _recipient(self, channel: str, address: str) -> str:
        """The same for the same address, so that the database can group by it: 32 hexadecimal digits."""
        return self.fingerprint(f"{channel}:{address}")


def _derived(key: str, purpose: bytes) -> bytes:
    """A key of its own for another purpose, from the same secret (RFC 5869)."""
    return HKDF(SHA256(), 32, salt=None, info=purpose).derive(base64.urlsafe_b64decode(key))
