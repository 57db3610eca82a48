"""``CheckReachability`` between ``policy.v1`` and the policy room's values."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from pager_domain.kernel import PolicyId, checked_id
from pager_domain.policy.checking import DEFAULT_HORIZON, MAX_HORIZON, Checked, checked_horizon
from pager_domain.policy.findings import Finding, FindingKind
from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb
from pager_grpc.policy.wire_values import span_in, timestamp_to

MAX_FINDINGS = 10_000

_Kind = pb.ReachabilityFinding.Kind
_KINDS: Final = {
    FindingKind.NOBODY_REACHED: _Kind.KIND_NOBODY_REACHED,
    FindingKind.SCHEDULE_GAP: _Kind.KIND_SCHEDULE_GAP,
    FindingKind.NO_VERIFIED_CONTACT_METHOD: _Kind.KIND_NO_VERIFIED_CONTACT_METHOD,
    FindingKind.SINGLE_POINT_OF_FAILURE: _Kind.KIND_SINGLE_POINT_OF_FAILURE,
    FindingKind.ONE_CHANNEL: _Kind.KIND_ONE_CHANNEL,
    FindingKind.UNVERIFIED_STEP: _Kind.KIND_UNVERIFIED_STEP,
    FindingKind.PAGE_TOO_LATE: _Kind.KIND_PAGE_TOO_LATE,
}


def horizon_from(request: pb.CheckReachabilityRequest) -> timedelta:
    """How far to look ahead."""
    horizon = span_in(request, "horizon", MAX_HORIZON, "must be 1 hour to 92 days")
    return checked_horizon(DEFAULT_HORIZON if horizon is None else horizon)


def policy_id_from(request: pb.CheckReachabilityRequest) -> PolicyId | None:
    """The policy that is asked for; None for all of them."""
    return PolicyId(checked_id("policy_id", request.policy_id)) if request.policy_id else None


def response_to(checked: Sequence[Checked]) -> pb.CheckReachabilityResponse:
    """What was found, part by part."""
    findings = [finding for part in checked for finding in part.findings]
    return pb.CheckReachabilityResponse(
        findings=[_finding_to(finding) for finding in findings[:MAX_FINDINGS]],
        omitted_count=max(len(findings) - MAX_FINDINGS, 0),
        checked_policy_count=sum(part.policies for part in checked),
        unreached_service_count=sum(part.unreached_services for part in checked),
    )


def _finding_to(finding: Finding) -> pb.ReachabilityFinding:
    made = pb.ReachabilityFinding(
        severity=pb.ReachabilityFinding.SEVERITY_ERROR if finding.is_error else pb.ReachabilityFinding.SEVERITY_WARNING,
        kind=_KINDS[finding.kind],
        policy_id=finding.policy_id,
        level=finding.level,
        person_id=finding.person_id or "",
        schedule_id=finding.schedule_id or "",
        contact_method_id=finding.contact_method_id or "",
    )
    if finding.span is not None:
        made.start_time.CopyFrom(timestamp_to(finding.span.starts_at))
        made.end_time.CopyFrom(timestamp_to(finding.span.ends_at))
    return made
