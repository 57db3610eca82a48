"""EscalationPolicyRepository kept by the generated stub of the policy service."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, timedelta

import grpc
import structlog
from google.protobuf import message as protobuf_message

from pager_domain.errors import InvalidField
from pager_domain.kernel import (
    DEFAULT_ACKNOWLEDGEMENT_TIMEOUT,
    NotificationTarget,
    TargetId,
    checked_id,
    email_target,
    sms_target,
)
from pager_domain.pager.forecast import FORECAST
from pager_domain.pager.interventions import AssigneeKind
from pager_domain.pager.levels import EmptyLevel, LaterLevel, ResolvedLevel, ResolvedRule, ResolvedStep, ResolvedTarget
from pager_domain.pager.model import EscalationPolicy
from pager_domain.pager.ports.escalation_policy_repository import EscalationPolicyRepository, NoPolicy, PolicyQuestion
from pager_domain.pager.targets import UnreachedReason, UnreachedTarget
from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb
from pager_grpc.gen.policy.v1 import policy_service_pb2_grpc as pb_grpc
from pager_grpc.runtime.errors import fault_of
from pager_grpc.runtime.trace_context import outgoing_metadata

log = structlog.get_logger()

MAX_CHANGES = 2_000
"""So much of a forecast is kept, the earliest first."""
_MOST_AT_ONCE = 100
_ANSWER_BYTES = 1024 * 1024
"""As many questions go together as fill this: in time for the deadline, and far from the 4 MiB that a channel takes."""

_UNREACHED = {
    pb.UnreachedTarget.REASON_NOBODY_ON_CALL: UnreachedReason.NOBODY_ON_CALL,
    pb.UnreachedTarget.REASON_NO_VERIFIED_CONTACT_METHOD: UnreachedReason.NO_VERIFIED_CONTACT_METHOD,
    pb.UnreachedTarget.REASON_PERSON_UNKNOWN: UnreachedReason.PERSON_UNKNOWN,
    pb.UnreachedTarget.REASON_SCHEDULE_UNKNOWN: UnreachedReason.SCHEDULE_UNKNOWN,
    pb.UnreachedTarget.REASON_NOT_ITS_TURN: UnreachedReason.NOT_ITS_TURN,
}
_ABSENT = {
    pb.ERROR_REASON_NO_POLICY_FOR_SERVICE: "no escalation policy covers the service and there is no default",
    pb.ERROR_REASON_POLICY_UNKNOWN: "the policy service knows no such policy",
    pb.ERROR_REASON_REVISION_UNKNOWN: "the policy service knows no such revision of the policy",
    pb.ERROR_REASON_PERSON_UNKNOWN: "the policy service knows no such person",
}


class GrpcEscalationPolicies(EscalationPolicyRepository):
    """Asks the policy service in batches and believes only answers that make sense."""

    def __init__(self, channel: grpc.aio.Channel, deadline_seconds: float) -> None:
        self._deadline_seconds = deadline_seconds
        self._stub = pb_grpc.PolicyServiceStub(channel)
        self._at_once = _MOST_AT_ONCE

    async def resolve(self, questions: Sequence[PolicyQuestion]) -> list[EscalationPolicy | NoPolicy]:
        """One answer a question; a fault of a call is the answer to all that are left.

        So many go together as the size of the last answers allows. What is larger than a channel takes is asked again:
        by halves, and a single question without the forecast.
        """
        answers: list[EscalationPolicy | NoPolicy] = []
        while left := questions[len(answers) :]:
            some = left[: self._at_once]
            try:
                answers += await self._asked(some)
            except grpc.aio.AioRpcError as error:
                if len(some) > 1 and _is_too_large(error):
                    self._at_once = len(some) // 2
                    continue
                fault = fault_of(error)
                log.warning("policy_service_failed", code=fault.code.name, reason=fault.reason, message=fault.message)
                failed = NoPolicy(f"the policy service did not answer ({fault.code.name})", passing=True)
                return [*answers, *[failed] * len(left)]
        return answers

    async def _asked(self, questions: Sequence[PolicyQuestion]) -> Sequence[EscalationPolicy | NoPolicy]:
        request = pb.BatchResolveEscalationsRequest(requests=[_question(question) for question in questions])
        try:
            response = await self._answered(request)
            fitting = _ANSWER_BYTES * len(questions) // max(1, response.ByteSize())
            self._at_once = min(max(1, fitting), _MOST_AT_ONCE)
        except grpc.aio.AioRpcError as error:
            if len(questions) > 1 or not _is_too_large(error):
                raise
            request.requests[0].ClearField("forecast")
            response = await self._answered(request)
        if len(response.results) != len(questions):
            return [NoPolicy("the policy service gave the wrong number of answers", passing=True)] * len(questions)
        return [_answer(result) for result in response.results]

    async def _answered(self, request: pb.BatchResolveEscalationsRequest) -> pb.BatchResolveEscalationsResponse:
        return await self._stub.BatchResolveEscalations(
            request, timeout=self._deadline_seconds, metadata=outgoing_metadata()
        )


def _is_too_large(error: grpc.aio.AioRpcError) -> bool:
    """Whether the channel refused the answer; a policy service that has no room says its reason."""
    fault = fault_of(error)
    return fault.code is grpc.StatusCode.RESOURCE_EXHAUSTED and not fault.reason


def _question(question: PolicyQuestion) -> pb.ResolveEscalationRequest:
    request = pb.ResolveEscalationRequest(incident_id=question.incident_id or "")
    if question.at is not None:
        request.at_time.FromDatetime(question.at)
    if question.assignee is not None:
        if question.assignee.kind is AssigneeKind.POLICY:
            request.policy_id = question.assignee.assignee_id
        else:
            request.person_id = question.assignee.assignee_id
        return request
    if question.pinned is None:
        request.monitored_service_id = question.monitored_service_id
        request.forecast.FromTimedelta(FORECAST)
    else:
        request.policy_revision.policy_id, request.policy_revision.revision = question.pinned
    return request


def _answer(result: pb.BatchResolveEscalationsResponse.Result) -> EscalationPolicy | NoPolicy:
    if result.WhichOneof("outcome") == "resolved_escalation":
        if _reaches_nobody(result.resolved_escalation):
            fault = f"escalation policy {result.resolved_escalation.policy_id!r} reaches nobody at the moment"
            return NoPolicy(fault, passing=True, reaches_nobody=True)
        try:
            return policy_of(result.resolved_escalation)
        except (InvalidField, ValueError, OverflowError, protobuf_message.Error) as error:
            log.warning("policy_makes_no_sense", policy_id=result.resolved_escalation.policy_id, fault=str(error))
            return NoPolicy(f"the policy service's answer makes no sense ({error})", passing=True)
    if result.error_reason in _ABSENT:
        return NoPolicy(_ABSENT[result.error_reason], passing=False)
    return NoPolicy("the policy service could not answer", passing=True)


def _reaches_nobody(message: pb.ResolvedEscalation) -> bool:
    return bool(message.policy_id and message.levels) and not any(level.targets for level in message.levels)


def policy_of(message: pb.ResolvedEscalation) -> EscalationPolicy:
    """A checked policy.

    Raises:
        InvalidField: it breaks a limit, or names nobody at all.
    """
    checked_id("policy_id", message.policy_id)
    if message.revision < 1:
        raise InvalidField("revision", "must be at least 1")
    levels = tuple(_level(level) for level in message.levels[:100])
    policy = EscalationPolicy(
        message.policy_id,
        message.revision,
        levels,
        message.repeat_count,
        message.acknowledgement_expiry.ToTimedelta() if message.HasField("acknowledgement_expiry") else None,
        message.reopen_window.ToTimedelta() if message.HasField("reopen_window") else None,
    )
    try:
        later = _later(message)
        return replace(policy, later=later) if later else policy
    except (InvalidField, ValueError, OverflowError) as error:
        # What it says of now makes sense: somebody is paged by that.
        log.warning("forecast_makes_no_sense", policy_id=message.policy_id, fault=str(error))
        return policy


def _later(message: pb.ResolvedEscalation) -> tuple[LaterLevel, ...]:
    changes = (
        LaterLevel(number, later.start_time.ToDatetime(tzinfo=UTC), _level_of(level, later.targets))
        for number, level in enumerate(message.levels, start=1)
        for later in level.later_targets
    )
    return tuple(sorted(changes, key=lambda change: (change.starts_at, change.number))[:MAX_CHANGES])


def _level(message: pb.ResolvedLevel) -> ResolvedLevel | EmptyLevel:
    return _level_of(message, message.targets, tuple(_unreached(target) for target in message.unreached))


def _level_of(
    message: pb.ResolvedLevel, targets: Iterable[pb.ResolvedTarget], unreached: tuple[UnreachedTarget, ...] = ()
) -> ResolvedLevel | EmptyLevel:
    if not (resolved := tuple(_target(target) for target in targets)):
        return EmptyLevel(unreached)
    timeout: timedelta = DEFAULT_ACKNOWLEDGEMENT_TIMEOUT
    if message.HasField("acknowledgement_timeout"):
        timeout = message.acknowledgement_timeout.ToTimedelta()
    return ResolvedLevel(resolved, timeout, unreached)


def _unreached(message: pb.UnreachedTarget) -> UnreachedTarget:
    reason = _UNREACHED.get(message.reason, UnreachedReason.UNKNOWN)
    return UnreachedTarget(TargetId(message.target_id), reason, message.person_id, message.schedule_id)


def _target(message: pb.ResolvedTarget) -> ResolvedTarget:
    low = _rule(message.target_id, message.low_urgency_rule) if message.HasField("low_urgency_rule") else None
    return ResolvedTarget(
        TargetId(message.target_id),
        _rule(message.target_id, message.high_urgency_rule),
        low,
        message.person_id,
        message.schedule_id,
        message.layer_id,
        message.override_id,
    )


def _rule(target_id: str, message: pb.ResolvedRule) -> ResolvedRule:
    interval = message.repeat_interval.ToTimedelta() if message.HasField("repeat_interval") else None
    return ResolvedRule(tuple(_step(target_id, step) for step in message.steps), interval)


def _step(target_id: str, message: pb.ResolvedStep) -> ResolvedStep:
    delay = message.delay.ToTimedelta() if message.HasField("delay") else timedelta()
    return ResolvedStep(_address(target_id, message), message.contact_method_id, delay)


def _address(target_id: str, message: pb.ResolvedStep) -> NotificationTarget:
    match message.WhichOneof("address"):
        case "email":
            return email_target(target_id, message.email.email_address)
        case "sms":
            return sms_target(target_id, message.sms.phone_number)
        case other:
            raise InvalidField("address", f"is of a kind this version does not know ({other})")
