"""Keys and their callers."""

from datetime import UTC, datetime, timedelta

from pager_domain.access.keys import ApiKey, ApiKeyId, Grant, hash_of, key_text
from pager_domain.access.principal import Role
from pager_domain.kernel import MonitoredServiceId

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def secret_of(key_id: str) -> bytes:
    """Always the same for one id."""
    return hash_of(f"secret of {key_id}")


def shown(key_id: str, secret_of_id: str | None = None) -> str:
    """The key as its owner has it, or with the secret of another id."""
    return key_text(key_id, secret_of(secret_of_id or key_id))


def a_grant(role=Role.RESPONDER, services=None, verbs=None, person=""):
    scope = None if services is None else frozenset(map(MonitoredServiceId, services))
    return Grant(role, scope, None if verbs is None else frozenset(verbs), person)


def a_key(key_id="aaaa1111", grant=None, name="a key", expires_at=None, revoked_at=None):
    """Made at T0 by the first admin."""
    held = hash_of(secret_of(key_id).hex())
    return ApiKey(ApiKeyId(key_id), name, grant or a_grant(), held, T0, "key:root", expires_at, revoked_at)
