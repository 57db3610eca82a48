"""API keys: what a caller shows, what a room keeps of it, and when it counts.

A key is ``pgr_<id>_<secret>``. The secret is 256 random bits, nothing that could be guessed: one SHA-256 is enough. A
slow hash or a pepper adds nothing, and with a pepper a key could not be made known to several rooms by one hash.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NewType

from pager_domain.access.principal import Principal, Role, Verb
from pager_domain.errors import CredentialFault, InvalidField
from pager_domain.kernel import MonitoredServiceId, checked_id, checked_moment

ApiKeyId = NewType("ApiKeyId", str)

ROOMS = frozenset({"pager", "policy", "notifier"})
"""The services that call each other; a key of the role ``service`` is named like one of them."""
MAX_MONITORED_SERVICES = 1000
VERBS_OF = {
    Role.INTEGRATION: frozenset({Verb.RAISE, Verb.RESOLVE, Verb.READ}),
    Role.RESPONDER: frozenset(Verb) - {Verb.SEND, Verb.ADMINISTER},
    Role.ADMIN: frozenset(Verb) - {Verb.SEND},
    Role.SERVICE: frozenset({Verb.SEND, Verb.READ}),
}
"""The most that a key of a role may do; the tables of the rooms say where."""

_ID = re.compile(r"[a-z0-9]{4,32}")
_PRESENTED = re.compile(r"pgr_([a-z0-9]{4,32})_([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """A key as a caller shows it; never stored, never shown."""

    key_id: ApiKeyId
    secret_hash: bytes


def presented_key(text: str) -> PresentedKey | None:
    """The key that ``text`` is; None if it is none."""
    found = _PRESENTED.fullmatch(text)
    return PresentedKey(ApiKeyId(found[1]), hash_of(found[2])) if found else None


def key_text(key_id: str, secret: bytes) -> str:
    """A key as its owner keeps it; ``secret`` is 32 random bytes."""
    return f"pgr_{key_id}_{secret.hex()}"


def hash_of(secret: str) -> bytes:
    """What is kept of a secret, 32 bytes."""
    return hashlib.sha256(secret.encode()).digest()


@dataclass(frozen=True, slots=True)
class Grant:
    """How much a key may do. None: everything that the role may."""

    role: Role
    monitored_services: frozenset[MonitoredServiceId] | None = None
    verbs: frozenset[Verb] | None = None
    person_id: str = ""

    def __post_init__(self) -> None:
        if self.role is Role.ANONYMOUS:
            raise InvalidField("role", "must be integration, responder, admin or service")
        self._check_monitored_services()
        if self.verbs is not None and (not self.verbs or not self.verbs <= VERBS_OF[self.role]):
            most = ", ".join(sorted(VERBS_OF[self.role]))
            raise InvalidField("verbs", f"must be of those that the role {self.role} has: {most}")
        if self.person_id:
            checked_id("person_id", self.person_id)
            if self.role is not Role.RESPONDER:
                raise InvalidField("person_id", "is for the role responder only")

    def _check_monitored_services(self) -> None:
        if self.monitored_services is None:
            return
        if self.role not in {Role.INTEGRATION, Role.RESPONDER}:
            raise InvalidField("monitored_service_ids", "are for the roles integration and responder only")
        if not 1 <= len(self.monitored_services) <= MAX_MONITORED_SERVICES:
            raise InvalidField("monitored_service_ids", f"must be at most {MAX_MONITORED_SERVICES}")
        for name in self.monitored_services:
            checked_id("monitored_service_ids", name)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What a room knows of a key. ``secret_hash`` is all of the secret that is kept."""

    key_id: ApiKeyId
    name: str
    grant: Grant
    secret_hash: bytes
    created_at: datetime
    created_by: str
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.key_id):
            raise InvalidField("api_key_id", "must be 4 to 32 lower-case letters and digits")
        checked_id("name", self.name)
        if len(self.secret_hash) != 32:
            raise InvalidField("secret_hash", "must be a SHA-256, 32 bytes")
        if self.grant.role is Role.SERVICE and self.name not in ROOMS:
            raise InvalidField("name", "must be pager, policy or notifier for the role service")
        for field in ("created_at", "expires_at", "revoked_at"):
            moment = getattr(self, field)
            if moment is not None:
                checked_moment(field, moment)

    def is_shown_by(self, presented: PresentedKey) -> bool:
        """Whether the caller has the secret; takes as long whatever it shows."""
        return hmac.compare_digest(self.secret_hash, presented.secret_hash)

    def fault_at(self, now: datetime) -> CredentialFault | None:
        """Why it does not count; None if it does."""
        if self.revoked_at is not None and self.revoked_at <= now:
            return CredentialFault.REVOKED
        if self.expires_at is not None and self.expires_at <= now:
            return CredentialFault.EXPIRED
        return None

    def is_same_as(self, other: "ApiKey") -> bool:
        """Whether it was made with the same content, so that making it again changes nothing."""
        return (
            replace(self, created_at=other.created_at, created_by=other.created_by, revoked_at=other.revoked_at)
            == other
        )

    def revoked(self, at: datetime) -> "ApiKey":
        """From ``at`` on it counts no more; a revocation is brought forward, never put off."""
        return replace(self, revoked_at=at if self.revoked_at is None else min(at, self.revoked_at))

    def principal(self) -> Principal:
        """Whoever shows it."""
        is_room = self.grant.role is Role.SERVICE
        ends = [moment for moment in (self.expires_at, self.revoked_at) if moment is not None]
        return Principal(
            f"service:{self.name}" if is_room else f"key:{self.key_id}",
            self.grant.role,
            self.grant.monitored_services,
            self.grant.verbs,
            person_id=self.grant.person_id,
            service=self.name if is_room else "",
            key_id=self.key_id,
            expires_at=min(ends, default=None),
        )
