"""Who a signed token says it is. The signature, the issuer and the audience were verified before."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pager_domain.access.principal import Principal, Role
from pager_domain.errors import CredentialFault, InvalidField, Unauthenticated
from pager_domain.kernel import MonitoredServiceId, checked_id

MAX_LIFETIME = timedelta(minutes=15)
"""From ``iat`` to ``exp``: nobody can revoke a token, so it must end soon by itself."""
CLOCK_SKEW = timedelta(seconds=30)
"""By so much the issuer's clock may differ from ours."""
_MOST_SERVICES = 1000
# The first one that a token has counts; no token makes a service.
_ROLES = (Role.ADMIN, Role.RESPONDER, Role.INTEGRATION)


def principal_of_claims(claims: Mapping[str, Any], now: datetime) -> Principal:
    """The caller: ``sub`` in the first of its ``roles``, for its ``monitored_services`` (all if that claim is absent).

    A responder is the person whose id is ``sub``.

    Raises:
        Unauthenticated: it has expired, lives too long, or does not say who it is.
    """
    expires_at = _moment(claims, "exp")
    if expires_at + CLOCK_SKEW <= now:
        raise Unauthenticated(CredentialFault.EXPIRED)
    issued_at = _moment(claims, "iat")
    usable_from = _moment(claims, "nbf") if "nbf" in claims else issued_at
    if expires_at - issued_at > MAX_LIFETIME or max(issued_at, usable_from) - CLOCK_SKEW > now:
        raise _refused()
    role = _role(claims.get("roles"))
    if role is Role.ADMIN and "monitored_services" in claims:
        raise _refused()
    try:
        subject = checked_id("sub", _text(claims.get("sub")))
        services = _services(claims)
        person_id = subject if role is Role.RESPONDER else ""
        return Principal(f"jwt:{subject}", role, services, person_id=person_id, expires_at=expires_at + CLOCK_SKEW)
    except InvalidField as error:
        raise _refused() from error


def _role(claimed: object) -> Role:
    roles = claimed if isinstance(claimed, list) else []
    found = next((role for role in _ROLES if role.value in roles), None)
    if found is None:
        raise _refused()
    return found


def _services(claims: Mapping[str, Any]) -> frozenset[MonitoredServiceId] | None:
    if "monitored_services" not in claims:
        return None
    claimed = claims["monitored_services"]
    if not isinstance(claimed, list) or len(claimed) > _MOST_SERVICES:
        raise _refused()
    return frozenset(MonitoredServiceId(checked_id("monitored_services", _text(name))) for name in claimed)


def _moment(claims: Mapping[str, Any], name: str) -> datetime:
    seconds = claims.get(name)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise _refused()
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise _refused() from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _refused()
    return value


def _refused() -> Unauthenticated:
    return Unauthenticated(CredentialFault.TOKEN_REFUSED)
