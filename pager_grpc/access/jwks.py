"""The public keys of whoever issues tokens: kept, refreshed, and trusted for a while when they cannot be read."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from time import monotonic

import httpx
import jwt
import structlog

from pager_grpc.runtime.outbound_addresses import Destinations, Network
from pager_grpc.runtime.outbound_http import OutboundRefused, outbound_client

log = structlog.get_logger()

ALGORITHMS = ("EdDSA", "ES256")
REFRESH_SECONDS = 600.0
STALE_SECONDS = 24 * 3600.0
"""So long what was read last is trusted though nothing newer can be read: people sign in while their issuer is down."""
PAUSE_SECONDS = 30.0
"""Between two attempts to read, whoever shows tokens that name unknown keys."""
_PATIENCE_SECONDS = 3.0

ReadJwks = Callable[[], Awaitable[str]]


class JwksUnreadable(Exception):
    """The keys cannot be read now."""


class Jwks:
    """Keys by ``kid``. ``read`` gives a JSON Web Key Set or raises JwksUnreadable."""

    def __init__(self, read: ReadJwks, seconds: Callable[[], float] = monotonic) -> None:
        self._read = read
        self._seconds = seconds
        self._keys: dict[str, jwt.PyJWK] = {}
        self._read_at = float("-inf")
        self._tried_at = float("-inf")
        self._reading = asyncio.Lock()

    async def key(self, kid: str) -> jwt.PyJWK | None:
        """The key that has this name; None if the issuer has none, or nothing was read for 24 hours."""
        known = kid in self._keys
        if self._is_due(known) and not (known and self._reading.locked()):
            async with self._reading:
                if self._is_due(kid in self._keys):
                    await self._refresh()
        if self._seconds() - self._read_at > STALE_SECONDS:
            return None
        return self._keys.get(kid)

    def _is_due(self, known: bool) -> bool:
        now = self._seconds()
        return now - self._tried_at >= PAUSE_SECONDS and (not known or now - self._read_at >= REFRESH_SECONDS)

    async def _refresh(self) -> None:
        self._tried_at = self._seconds()
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                keys = _keys_in(await self._read())
        except (JwksUnreadable, TimeoutError) as error:
            log.warning("jwks_unreadable", error=str(error) or "no answer in time", keys_kept=len(self._keys))
            return
        self._keys, self._read_at = keys, self._seconds()


def reader_of(place: str, allowed: Sequence[Network] = (), tls: ssl.SSLContext | None = None) -> ReadJwks:
    """Reads from an https address or from a file; ``allowed`` networks may hold the address though not public."""
    if not place.startswith("https://"):

        async def from_file() -> str:
            try:
                return await asyncio.to_thread(Path(place).read_text)
            except (OSError, UnicodeDecodeError) as error:
                raise JwksUnreadable(f"{place}: {error}") from error

        return from_file
    destinations = Destinations.of_operator(place, allowed)

    async def from_address() -> str:
        try:
            async with outbound_client(destinations, seconds=_PATIENCE_SECONDS, tls=tls) as client:
                return (await client.get(place)).raise_for_status().content.decode()
        except OutboundRefused as refusal:
            raise JwksUnreadable(f"{place}: {refusal}") from refusal
        except (httpx.HTTPError, UnicodeDecodeError) as error:
            raise JwksUnreadable(f"{place}: {type(error).__name__}") from error

    return from_address


def _keys_in(text: str) -> dict[str, jwt.PyJWK]:
    try:
        found = jwt.PyJWKSet.from_json(text).keys
    except (jwt.PyJWTError, ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise JwksUnreadable(f"no JSON Web Key Set: {type(error).__name__}") from error
    return {key.key_id: key for key in found if key.key_id and key.algorithm_name in ALGORITHMS}
