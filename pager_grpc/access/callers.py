"""Who calls: by the API key or token in the metadata, else by the certificate of the connection."""

# grpc's classes are generic for the type checker only; annotations must not be evaluated.
from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pager_domain.access.keys import ROOMS, ApiKeyId, PresentedKey, presented_key
from pager_domain.access.principal import Principal, Role
from pager_domain.errors import CredentialFault, Unauthenticated
from pager_domain.kernel import Clock
from pager_grpc.access.known_keys import KnownKeys
from pager_grpc.runtime.identities import spiffe_id
from pager_grpc.runtime.rpc_boundary import Context

PeerIdentity = Callable[[Context], "str | None"]
"""The identity in the verified certificate of a connection, like ``spiffe://hexagonal-pager/pager``."""


class Tokens(Protocol):
    """Whoever can tell a good token from a bad one."""

    async def principal_of(self, token: str) -> Principal:
        """The caller that the token names.

        Raises:
            Unauthenticated: it does not count.
        """


class Callers:
    """Recognises the callers of one room. A key or token that is sent counts; a certificate only without one."""

    def __init__(self, keys: KnownKeys, clock: Clock, tokens: Tokens | None, identity: PeerIdentity | None) -> None:
        self._keys = keys
        self._clock = clock
        self._tokens = tokens
        self._identity = identity

    async def caller_of(self, context: Context) -> Principal:
        """The caller of one call.

        Raises:
            Unauthenticated: it showed nothing, or nothing that counts.
            StoreUnavailable: its key could not be looked up.
        """
        text = _credential_in(context)
        if text is None:
            return self._by_certificate(context)
        if (presented := presented_key(text)) is not None:
            return await self._by_key(presented)
        if text.startswith("pgr_"):
            raise Unauthenticated(CredentialFault.MALFORMED)
        if self._tokens is None:
            raise Unauthenticated(CredentialFault.TOKEN_REFUSED)
        return await self._tokens.principal_of(text)

    async def require_still(self, principal: Principal) -> None:
        """Whether a caller that was recognised still counts.

        Raises:
            Unauthenticated: its key was revoked, or it has expired.
            StoreUnavailable: its key could not be looked up.
        """
        now = self._clock.now()
        if principal.expires_at is not None and principal.expires_at <= now:
            raise Unauthenticated(CredentialFault.EXPIRED)
        if principal.key_id:
            key = await self._keys.find(ApiKeyId(principal.key_id))
            fault = CredentialFault.UNKNOWN if key is None else key.fault_at(now)
            if fault is not None:
                raise Unauthenticated(fault)

    async def _by_key(self, presented: PresentedKey) -> Principal:
        key = await self._keys.find(presented.key_id)
        if key is None or not key.is_shown_by(presented):
            raise Unauthenticated(CredentialFault.UNKNOWN)
        # Only who has the secret hears more.
        if (fault := key.fault_at(self._clock.now())) is not None:
            raise Unauthenticated(fault)
        return key.principal()

    def _by_certificate(self, context: Context) -> Principal:
        identity = self._identity(context) if self._identity is not None else None
        name = identity.removeprefix(spiffe_id("")) if identity is not None else ""
        if name in ROOMS:
            return Principal(f"service:{name}", Role.SERVICE, service=name)
        if name == "admin":
            return Principal("certificate:admin", Role.ADMIN)
        raise Unauthenticated(CredentialFault.MISSING)


def _credential_in(context: Context) -> str | None:
    found = [value for key, value in context.invocation_metadata() or () if key == "authorization"]
    if not found:
        return None
    scheme, _, text = str(found[0]).partition(" ")
    if len(found) > 1 or scheme.lower() != "bearer" or not text.strip():
        raise Unauthenticated(CredentialFault.MALFORMED)
    return text.strip()
