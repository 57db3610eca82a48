"""Between ``policy.v1`` and the policy room's values, both ways. Faults name the field with its whole path."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pager_domain.errors import InvalidField
from pager_domain.kernel import (
    DEFAULT_ACKNOWLEDGEMENT_TIMEOUT,
    EmailAddress,
    EmailTarget,
    EscalationLevel,
    MonitoredServiceId,
    NotificationTarget,
    PhoneNumber,
    PolicyId,
    SmsTarget,
    TargetId,
    checked_id,
)
from pager_domain.policy.model import (
    MAX_QUESTIONS,
    EscalationPolicy,
    PolicyDefinition,
    PolicyRevision,
    Resolution,
    ResolvedEscalation,
    Subject,
)
from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb
from pager_grpc.policy.wire_errors import ERRORS
from pager_grpc.runtime.page_tokens import decode_token, encode_token

# A policy is at most 1 MiB as it came in, so a page that ends behind this fits the 4 MiB that clients take.
_PAGE_BYTES = 2 * 1024 * 1024
_DAY_SECONDS = 86_400


@contextmanager
def under(path: str) -> Iterator[None]:
    """What is malformed inside is reported as a field of ``path``."""
    try:
        yield
    except InvalidField as fault:
        raise InvalidField(f"{path}.{fault.field}", fault.limit) from None


def policy_id_from(policy_id: str) -> PolicyId:
    """The policy that a request names."""
    return PolicyId(checked_id("policy_id", policy_id))


def etag_from(etag: str) -> str:
    """The etag that a request brings; that it is a made-up one shows when it is compared."""
    if not etag:
        raise InvalidField("etag", "is required")
    return etag


def definition_from(policy: pb.EscalationPolicy) -> PolicyDefinition:
    """What the caller says of a policy; what only the server says is left aside."""
    with under("escalation_policy"):
        return PolicyDefinition(
            policy_id=policy_id_from(policy.policy_id),
            levels=tuple(_level_from(index, level) for index, level in enumerate(policy.levels)),
            display_name=policy.display_name,
            repeat_count=policy.repeat_count,
            monitored_service_ids=tuple(MonitoredServiceId(service) for service in policy.monitored_service_ids),
            default_policy=policy.default_policy,
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
        create_time=_timestamp_to(policy.create_time),
        update_time=_timestamp_to(policy.update_time),
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
    page = pb.ListEscalationPoliciesResponse()
    room = _PAGE_BYTES
    for policy in policies[:page_size]:
        shown = policy_to(policy)
        page.escalation_policies.append(shown)
        room -= shown.ByteSize()
        if room < 0:
            break
    if len(page.escalation_policies) < len(policies):
        page.next_page_token = encode_token(page.escalation_policies[-1].policy_id)
    return page


def subject_from(request: pb.ResolveEscalationRequest) -> Subject:
    """What is asked about."""
    _check_moment("at_time", request.at_time)
    match request.WhichOneof("subject"):
        case "monitored_service_id":
            return MonitoredServiceId(checked_id("monitored_service_id", request.monitored_service_id))
        case "policy_revision":
            with under("policy_revision"):
                return PolicyRevision(PolicyId(request.policy_revision.policy_id), request.policy_revision.revision)
        case _:
            raise InvalidField("subject", "must be a monitored_service_id or a policy_revision")


def subjects_from(request: pb.BatchResolveEscalationsRequest) -> list[Subject]:
    """The questions of a batch, in their order."""
    if not 1 <= len(request.requests) <= MAX_QUESTIONS:
        raise InvalidField("requests", f"must be 1 to {MAX_QUESTIONS}")
    subjects = []
    for index, question in enumerate(request.requests):
        with under(f"requests[{index}]"):
            subjects.append(subject_from(question))
    return subjects


def escalation_to(answer: ResolvedEscalation) -> pb.ResolvedEscalation:
    """Whom to page."""
    return pb.ResolvedEscalation(
        policy_id=answer.policy_id,
        revision=answer.revision,
        levels=[_resolved_level_to(level) for level in answer.levels],
        repeat_count=answer.repeat_count,
        defaulted=answer.defaulted,
    )


def result_to(answer: Resolution) -> pb.BatchResolveEscalationsResponse.Result:
    """The answer to one question of a batch, or the reason why there is none."""
    if isinstance(answer, ResolvedEscalation):
        return pb.BatchResolveEscalationsResponse.Result(resolved_escalation=escalation_to(answer))
    _, reason = ERRORS[type(answer)]
    return pb.BatchResolveEscalationsResponse.Result(error_reason=pb.ErrorReason.Value(reason))


def _level_from(index: int, level: pb.EscalationLevel) -> EscalationLevel:
    with under(f"levels[{index}]"):
        targets = tuple(_target_from(at, target) for at, target in enumerate(level.targets))
        return EscalationLevel(targets, _timeout_from(level))


def _timeout_from(level: pb.EscalationLevel) -> timedelta:
    if not level.HasField("acknowledgement_timeout"):
        return DEFAULT_ACKNOWLEDGEMENT_TIMEOUT
    span = level.acknowledgement_timeout
    # A Duration can hold what no timedelta can, and nanoseconds that contradict its seconds.
    if not (0 <= span.seconds <= _DAY_SECONDS and 0 <= span.nanos < 10**9):
        raise InvalidField("acknowledgement_timeout", "must be 1 second to 24 hours")
    return span.ToTimedelta()


def _level_to(level: EscalationLevel) -> pb.EscalationLevel:
    targets = [_target_to(target) for target in level.targets]
    return pb.EscalationLevel(targets=targets, acknowledgement_timeout=_duration_to(level.acknowledgement_timeout))


def _resolved_level_to(level: EscalationLevel) -> pb.ResolvedLevel:
    targets = [_resolved_target_to(target) for target in level.targets]
    return pb.ResolvedLevel(targets=targets, acknowledgement_timeout=_duration_to(level.acknowledgement_timeout))


def _resolved_target_to(target: NotificationTarget) -> pb.ResolvedTarget:
    step = pb.ResolvedStep()
    if isinstance(target, EmailTarget):
        step.email.email_address = target.address.value
    else:
        step.sms.phone_number = target.number.value
    return pb.ResolvedTarget(target_id=target.target_id, high_urgency_rule=pb.ResolvedRule(steps=[step]))


def _duration_to(span: timedelta) -> Duration:
    duration = Duration()
    duration.FromTimedelta(span)
    return duration


def _target_from(index: int, target: pb.NotificationTarget) -> NotificationTarget:
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
            case _:
                raise InvalidField("address", "must be an email or an sms target")


def _target_to(target: NotificationTarget) -> pb.NotificationTarget:
    if isinstance(target, EmailTarget):
        email = pb.EmailTarget(email_address=target.address.value)
        return pb.NotificationTarget(target_id=target.target_id, email=email)
    sms = pb.SmsTarget(phone_number=target.number.value)
    return pb.NotificationTarget(target_id=target.target_id, sms=sms)


def _timestamp_to(moment: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def _check_moment(field: str, timestamp: Timestamp) -> None:
    try:
        timestamp.ToDatetime()
    except (ValueError, OverflowError):
        raise InvalidField(field, "must be a moment of the years 1 to 9999") from None
