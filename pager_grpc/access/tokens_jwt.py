"""Tokens signed by an issuer that is trusted: JSON Web Tokens, verified by PyJWT."""

import jwt

from pager_domain.access.principal import Principal
from pager_domain.access.tokens import principal_of_claims
from pager_domain.errors import CredentialFault, Unauthenticated
from pager_domain.kernel import Clock
from pager_grpc.access.callers import Tokens
from pager_grpc.access.jwks import ALGORITHMS, Jwks

_MOST_CHARACTERS = 8 * 1024


class JwtTokens(Tokens):
    """EdDSA and ES256 only, by the algorithm of the key and never by what the token asks for."""

    def __init__(self, issuer: str, audience: str, keys: Jwks, clock: Clock) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys
        self._clock = clock

    async def principal_of(self, token: str) -> Principal:
        """The caller that the token names; why one is refused stays here."""
        if len(token) > _MOST_CHARACTERS:
            raise Unauthenticated(CredentialFault.TOKEN_REFUSED)
        try:
            header = jwt.get_unverified_header(token)
            kid = header.get("kid")
            key = await self._keys.key(kid) if header.get("alg") in ALGORITHMS and isinstance(kid, str) else None
            if key is None:
                raise Unauthenticated(CredentialFault.TOKEN_REFUSED)
            claims = jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                issuer=self._issuer,
                audience=self._audience,
                # Times are judged by the domain, against the clock of the room.
                options={
                    "require": ["exp", "iat", "sub", "iss", "aud"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated(CredentialFault.TOKEN_REFUSED) from error
        return principal_of_claims(claims, self._clock.now())
