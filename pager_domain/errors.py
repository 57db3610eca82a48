"""The errors that every room shares.

Errors carry data; the sentence is made from the data::

    DomainError
    ├── InvalidField            a value is malformed or over its limit
    ├── StoreUnavailable        the database cannot be reached; a write may or may not be stored
    ├── Unauthenticated         nobody knows who calls
    ├── NotAllowed              the caller is known, and may not do this
    ├── Overloaded              there is more to do than can be done; nothing is stored
    ├── DeadlineImposed         the call took too long; a write may or may not be stored
    └── …                       each room's own, in its ``errors.py``

Each error has one gRPC code and one reason on the wire; ``pager_grpc/<room>/wire_errors.py`` holds the table.
"""

from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum


class DomainError(Exception):
    """A request that cannot be granted. Subclasses are dataclasses whose fields are its metadata."""

    @property
    def metadata(self) -> dict[str, str]:
        """The data of this error as strings, for the wire; spans are left to ``retry_after``."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]  # subclasses are dataclasses
        return {name: str(value) for name, value in values.items() if not isinstance(value, timedelta)}


@dataclass(eq=False)
class InvalidField(DomainError):
    """A value is malformed or over its limit. ``limit`` says what would be accepted."""

    field: str
    limit: str

    def __str__(self) -> str:
        return f"{self.field}: {self.limit}"


@dataclass(eq=False)
class StoreUnavailable(DomainError):
    """The database cannot be reached; a write may or may not be stored. Repeat with the same request id."""

    def __str__(self) -> str:
        return "the database cannot be reached; repeat the call with the same request_id"


class CredentialFault(StrEnum):
    """What is wrong with what a caller showed. A wrong secret and a wrong id are one fault: neither is confirmed."""

    MISSING = "missing"
    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - names the fault


_WORDS = {
    CredentialFault.MISSING: "a credential is required: send an API key or a token in the metadata 'authorization'",
    CredentialFault.MALFORMED: "the metadata 'authorization' must be 'Bearer' and one API key or token",
    CredentialFault.UNKNOWN: "the API key is not known here; an admin makes one with `pagerctl key create`",
    CredentialFault.EXPIRED: "the credential has expired; `pagerctl key rotate` gives a key a successor in time",
    CredentialFault.REVOKED: "the API key was revoked",
    CredentialFault.TOKEN_REFUSED: "the token is not one that counts here; ask its issuer for a new one",
}


@dataclass(eq=False)
class Unauthenticated(DomainError):
    """Nobody knows who calls. It does not say whether what was asked for exists."""

    fault: CredentialFault

    def __str__(self) -> str:
        return _WORDS[self.fault]


@dataclass(eq=False)
class NotAllowed(DomainError):
    """``principal`` may not do what ``refused`` says, like ``acknowledge`` or ``act as 'ana'``."""

    principal: str
    refused: str

    def __str__(self) -> str:
        return f"{self.principal} may not {self.refused}"


@dataclass(eq=False)
class Overloaded(DomainError):
    """There is more to do than can be done, and this comes after what matters more. Nothing of it is stored."""

    retry_after: timedelta

    def __str__(self) -> str:
        return "the server is overloaded and has stored nothing of this call; repeat it later, with growing pauses"


@dataclass(eq=False)
class DeadlineImposed(DomainError):
    """The call took longer than the server gives any call; a write may or may not be stored."""

    seconds: float

    def __str__(self) -> str:
        return f"no answer within {self.seconds:g} s; repeat the call with the same request_id"
