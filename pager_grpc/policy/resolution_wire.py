"""Questions and answers of ``ResolveEscalation``, between ``policy.v1`` and the policy room's values."""

from datetime import timedelta
from typing import Final

from pager_domain.errors import InvalidField
from pager_domain.kernel import EmailAddress, MonitoredServiceId, PolicyId, checked_id
from pager_domain.policy.directory import MAX_FORECAST, MAX_QUESTIONS, NewestPolicy, OnePerson, Question, Subject
from pager_domain.policy.model import PolicyRevision
from pager_domain.policy.people import PersonId
from pager_domain.policy.resolved import (
    LaterTargets,
    ResolvedEscalation,
    ResolvedLevel,
    ResolvedRule,
    ResolvedStep,
    ResolvedTarget,
    UnreachedReason,
    UnreachedTarget,
)
from pager_domain.policy.resolving import Resolution
from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb
from pager_grpc.policy.wire_errors import ERRORS
from pager_grpc.policy.wire_values import duration_to, moment_in, optional_duration_to, span_in, timestamp_to, under

_REASONS: Final = {
    UnreachedReason.NOBODY_ON_CALL: pb.UnreachedTarget.REASON_NOBODY_ON_CALL,
    UnreachedReason.NO_VERIFIED_CONTACT_METHOD: pb.UnreachedTarget.REASON_NO_VERIFIED_CONTACT_METHOD,
    UnreachedReason.PERSON_UNKNOWN: pb.UnreachedTarget.REASON_PERSON_UNKNOWN,
    UnreachedReason.SCHEDULE_UNKNOWN: pb.UnreachedTarget.REASON_SCHEDULE_UNKNOWN,
    UnreachedReason.NOT_ITS_TURN: pb.UnreachedTarget.REASON_NOT_ITS_TURN,
}


def question_from(request: pb.ResolveEscalationRequest) -> Question:
    """What is asked."""
    at = moment_in(request, "at_time")
    forecast = span_in(request, "forecast", MAX_FORECAST, "must be 0 to 48 hours") or timedelta(0)
    return Question(_subject_from(request), at, forecast, request.incident_id)


def questions_from(request: pb.BatchResolveEscalationsRequest) -> list[Question]:
    """The questions of a batch, in their order."""
    if not 1 <= len(request.requests) <= MAX_QUESTIONS:
        raise InvalidField("requests", f"must be 1 to {MAX_QUESTIONS}")
    questions = []
    for index, question in enumerate(request.requests):
        with under(f"requests[{index}]"):
            questions.append(question_from(question))
    return questions


def escalation_to(answer: ResolvedEscalation) -> pb.ResolvedEscalation:
    """Whom to page."""
    return pb.ResolvedEscalation(
        policy_id=answer.policy_id,
        revision=answer.revision,
        levels=[_level_to(level) for level in answer.levels],
        repeat_count=answer.repeat_count,
        defaulted=answer.defaulted,
        acknowledgement_expiry=optional_duration_to(answer.acknowledgement_expiry),
        reopen_window=optional_duration_to(answer.reopen_window),
    )


def result_to(answer: Resolution) -> pb.BatchResolveEscalationsResponse.Result:
    """The answer to one question of a batch, or the reason why there is none."""
    if isinstance(answer, ResolvedEscalation):
        return pb.BatchResolveEscalationsResponse.Result(resolved_escalation=escalation_to(answer))
    _, reason = ERRORS[type(answer)]
    return pb.BatchResolveEscalationsResponse.Result(error_reason=pb.ErrorReason.Value(reason))


def _subject_from(request: pb.ResolveEscalationRequest) -> Subject:
    match request.WhichOneof("subject"):
        case "monitored_service_id":
            return MonitoredServiceId(checked_id("monitored_service_id", request.monitored_service_id))
        case "policy_revision":
            with under("policy_revision"):
                return PolicyRevision(PolicyId(request.policy_revision.policy_id), request.policy_revision.revision)
        case "policy_id":
            return NewestPolicy(PolicyId(request.policy_id))
        case "person_id":
            return OnePerson(PersonId(request.person_id))
        case _:
            limit = "must be a monitored_service_id, a policy_revision, a policy_id or a person_id"
            raise InvalidField("subject", limit)


def _level_to(level: ResolvedLevel) -> pb.ResolvedLevel:
    return pb.ResolvedLevel(
        targets=[_target_to(target) for target in level.targets],
        acknowledgement_timeout=duration_to(level.acknowledgement_timeout),
        unreached=[_unreached_to(target) for target in level.unreached],
        later_targets=[_later_to(later) for later in level.later_targets],
    )


def _later_to(later: LaterTargets) -> pb.ResolvedLevel.LaterTargets:
    targets = [_target_to(target) for target in later.targets]
    return pb.ResolvedLevel.LaterTargets(start_time=timestamp_to(later.starts_at), targets=targets)


def _unreached_to(target: UnreachedTarget) -> pb.UnreachedTarget:
    return pb.UnreachedTarget(
        target_id=target.target_id,
        person_id=target.person_id or "",
        schedule_id=target.schedule_id or "",
        reason=_REASONS[target.reason],
    )


def _target_to(target: ResolvedTarget) -> pb.ResolvedTarget:
    return pb.ResolvedTarget(
        target_id=target.target_id,
        person_id=target.person_id or "",
        schedule_id=target.schedule_id or "",
        layer_id=target.layer_id or "",
        override_id=target.override_id or "",
        high_urgency_rule=_rule_to(target.high),
        low_urgency_rule=_rule_to(target.low) if target.low is not None else None,
    )


def _rule_to(rule: ResolvedRule) -> pb.ResolvedRule:
    steps = [_step_to(step) for step in rule.steps]
    return pb.ResolvedRule(steps=steps, repeat_interval=optional_duration_to(rule.repeat_interval))


def _step_to(step: ResolvedStep) -> pb.ResolvedStep:
    # No delay is the default of the contract, and most pages have none.
    made = pb.ResolvedStep(
        delay=duration_to(step.delay) if step.delay else None, contact_method_id=step.contact_method_id or ""
    )
    if isinstance(step.address, EmailAddress):
        made.email.email_address = step.address.value
    else:
        made.sms.phone_number = step.address.value
    return made
