"""Keys on the wire. Pure."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from pager_domain.access.keys import ApiKey, Grant
from pager_domain.access.principal import Role, Verb
from pager_domain.errors import InvalidField
from pager_domain.kernel import MonitoredServiceId
from pager_grpc.gen.access.v1 import access_service_pb2 as pb

_ROLES = {
    Role.INTEGRATION: pb.ApiKey.ROLE_INTEGRATION,
    Role.RESPONDER: pb.ApiKey.ROLE_RESPONDER,
    Role.ADMIN: pb.ApiKey.ROLE_ADMIN,
    Role.SERVICE: pb.ApiKey.ROLE_SERVICE,
}
_ROLE_OF: dict[int, Role] = {value: role for role, value in _ROLES.items()}
_VERB_OF: dict[int, Verb] = {pb.ApiKey.Verb.Value(f"VERB_{verb.name}"): verb for verb in Verb}


def grant_of(message: pb.ApiKey) -> Grant:
    """What the key may do.

    Raises:
        InvalidField: a role or verb that is not known here, or that do not go together.
    """
    if message.role not in _ROLE_OF:
        raise InvalidField("role", "must be integration, responder, admin or service")
    if unknown := [verb for verb in message.verbs if verb not in _VERB_OF]:
        raise InvalidField("verbs", f"must be verbs that this version knows; {unknown[0]} is none")
    return Grant(
        _ROLE_OF[message.role],
        frozenset(map(MonitoredServiceId, message.monitored_service_ids)) or None,
        frozenset(_VERB_OF[verb] for verb in message.verbs) or None,
        message.person_id,
    )


def key_pb(key: ApiKey) -> pb.ApiKey:
    """A key as kept."""
    return pb.ApiKey(
        api_key_id=key.key_id,
        name=key.name,
        role=_ROLES[key.grant.role],
        monitored_service_ids=sorted(key.grant.monitored_services or ()),
        verbs=[pb.ApiKey.Verb.Value(f"VERB_{verb.name}") for verb in sorted(key.grant.verbs or ())],
        person_id=key.grant.person_id,
        expire_time=_timestamp(key.expires_at),
        create_time=_timestamp(key.created_at),
        created_by=key.created_by,
        revoke_time=_timestamp(key.revoked_at),
    )


def moment_of(field: str, timestamp: Timestamp) -> datetime:
    """A moment; one that no calendar knows is refused."""
    try:
        return timestamp.ToDatetime(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidField(field, "must be a moment between the years 1 and 9999") from error


def _timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    message = Timestamp()
    message.FromDatetime(moment)
    return message
