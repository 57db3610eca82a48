"""Between ``policy.v1`` and the policy room's values, both ways. Faults name the field with its whole path."""

from collections.abc import Sequence
from typing import Final

from pager_domain.errors import InvalidField
from pager_domain.kernel import (
    DEFAULT_ACKNOWLEDGEMENT_TIMEOUT,
    MAX_ACKNOWLEDGEMENT_TIMEOUT,
    EmailAddress,
    MonitoredServiceId,
    PhoneNumber,
    PolicyId,
    TargetId,
    checked_id,
)
from pager_domain.policy.levels import (
    EmailTarget,
    EscalationLevel,
    PersonTarget,
    PolicyTarget,
    ScheduleTarget,
    Selection,
    SmsTarget,
    person_target,
    schedule_target,
)
from pager_domain.policy.model import (
    MAX_ACKNOWLEDGEMENT_EXPIRY,
    MAX_REOPEN_WINDOW,
    EscalationPolicy,
    PolicyDefinition,
)
from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb
from pager_grpc.policy.wire_values import duration_to, optional_duration_to, span_in, timestamp_to, under
from pager_grpc.runtime.page_tokens import decode_token, encode_token, page_of

_SELECTIONS: Final = {
    pb.EscalationLevel.SELECTION_UNSPECIFIED: Selection.ALL,
    pb.EscalationLevel.SELECTION_ALL: Selection.ALL,
    pb.EscalationLevel.SELECTION_ROUND_ROBIN: Selection.ROUND_ROBIN,
}


def policy_id_from(policy_id: str) -> PolicyId:
    """The policy that a request names."""
    return PolicyId(checked_id("policy_id", policy_id))


def etag_from(etag: str) -> str:
    """The etag that a request brings; that it is a made-up one shows when it is compared."""
    if not etag:
        raise InvalidField("etag", "is required")
    return etag


def definition_from(policy: pb.EscalationPolicy, path: str = "escalation_policy") -> PolicyDefinition:
    """What the caller says of a policy; what only the server says is left aside."""
    with under(path):
        return PolicyDefinition(
            policy_id=policy_id_from(policy.policy_id),
            levels=tuple(_level_from(index, level) for index, level in enumerate(policy.levels)),
            display_name=policy.display_name,
            repeat_count=policy.repeat_count,
            monitored_service_ids=tuple(MonitoredServiceId(service) for service in policy.monitored_service_ids),
            default_policy=policy.default_policy,
            acknowledgement_expiry=span_in(
                policy, "acknowledgement_expiry", MAX_ACKNOWLEDGEMENT_EXPIRY, "must be 1 minute to 7 days"
            ),
            reopen_window=span_in(policy, "reopen_window", MAX_REOPEN_WINDOW, "must be 1 second to 24 hours"),
        )


def policy_to(policy: EscalationPolicy) -> pb.EscalationPolicy:
    """A policy as stored."""
    definition = policy.definition
    return pb.EscalationPolicy(
        policy_id=definition.policy_id,
        display_name=definition.display_name,
        levels=[_level_to(level) for level in definition.levels],
        repeat_count=definition.repeat_count,
        monitored_service_ids=definition.monitored_service_ids,
        default_policy=definition.default_policy,
        revision=policy.revision,
        etag=policy.etag,
        create_time=timestamp_to(policy.create_time),
        update_time=timestamp_to(policy.update_time),
        acknowledgement_expiry=optional_duration_to(definition.acknowledgement_expiry),
        reopen_window=optional_duration_to(definition.reopen_window),
    )


def after_from(page_token: str) -> PolicyId | None:
    """The last policy of the page before; None to begin."""
    key = decode_token("page_token", page_token, str)
    if key is None:
        return None
    try:
        return PolicyId(checked_id("page_token", str(key[0])))
    except ValueError as error:  # a made-up token may hold half a character
        raise InvalidField("page_token", "must be a token of an earlier answer") from error


def page_to(policies: Sequence[EscalationPolicy], page_size: int) -> pb.ListEscalationPoliciesResponse:
    """At most ``page_size`` of ``policies``, fewer if they are large; the token says whether there are more."""
    shown, token = page_of(policies, policy_to, page_size, lambda policy: encode_token(policy.policy_id))
    return pb.ListEscalationPoliciesResponse(escalation_policies=shown, next_page_token=token)


def _level_from(index: int, level: pb.EscalationLevel) -> EscalationLevel:
    with under(f"levels[{index}]"):
        targets = tuple(_target_from(at, target) for at, target in enumerate(level.targets))
        timeout = span_in(level, "acknowledgement_timeout", MAX_ACKNOWLEDGEMENT_TIMEOUT, "must be 1 second to 24 hours")
        if level.selection not in _SELECTIONS:
            raise InvalidField("selection", "must be SELECTION_ALL or SELECTION_ROUND_ROBIN")
        default = DEFAULT_ACKNOWLEDGEMENT_TIMEOUT if timeout is None else timeout
        return EscalationLevel(targets, default, _SELECTIONS[level.selection])


def _level_to(level: EscalationLevel) -> pb.EscalationLevel:
    made = pb.EscalationLevel(
        targets=[_target_to(target) for target in level.targets],
        acknowledgement_timeout=duration_to(level.acknowledgement_timeout),
    )
    if level.selection is Selection.ROUND_ROBIN:
        made.selection = pb.EscalationLevel.SELECTION_ROUND_ROBIN
    return made


def _target_from(index: int, target: pb.NotificationTarget) -> PolicyTarget:
    with under(f"targets[{index}]"):
        target_id = TargetId(target.target_id)
        match target.WhichOneof("address"):
            case "email":
                with under("email"):
                    address = EmailAddress(target.email.email_address)
                return EmailTarget(target_id, address)
            case "sms":
                with under("sms"):
                    number = PhoneNumber(target.sms.phone_number)
                return SmsTarget(target_id, number)
            case "person":
                with under("person"):
                    checked_id("person_id", target.person.person_id)
                return person_target(target.person.person_id, target_id)
            case "schedule":
                with under("schedule"):
                    checked_id("schedule_id", target.schedule.schedule_id)
                return schedule_target(target.schedule.schedule_id, target_id)
            case _:
                raise InvalidField("address", "must be an email, an sms, a person or a schedule target")


def _target_to(target: PolicyTarget) -> pb.NotificationTarget:
    match target:
        case EmailTarget(target_id, address):
            email = pb.EmailTarget(email_address=address.value)
            return pb.NotificationTarget(target_id=target_id, email=email)
        case SmsTarget(target_id, number):
            return pb.NotificationTarget(target_id=target_id, sms=pb.SmsTarget(phone_number=number.value))
        case PersonTarget(target_id, person_id):
            return pb.NotificationTarget(target_id=target_id, person=pb.PersonTarget(person_id=person_id))
        case ScheduleTarget(target_id, schedule_id):
            schedule = pb.ScheduleTarget(schedule_id=schedule_id)
            return pb.NotificationTarget(target_id=target_id, schedule=schedule)
