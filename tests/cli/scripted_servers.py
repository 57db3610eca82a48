"""Servers that answer what a test wrote down, and a policy service that is a dictionary."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from pager_grpc.gen.notifier.v1.notifier_service_pb2_grpc import NotifierServiceServicer
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1.pager_service_pb2_grpc import PagerServiceServicer
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb
from pager_grpc.gen.policy.v1.policy_service_pb2_grpc import PolicyServiceServicer


@dataclass(frozen=True)
class Refusal:
    """An error answer."""

    code: grpc.StatusCode
    reason: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    message: str = "refused"
    retry_after: timedelta | None = None

    async def abort(self, context):
        packed = any_pb2.Any()
        packed.Pack(error_details_pb2.ErrorInfo(reason=self.reason, domain="hexagonal-pager", metadata=self.metadata))
        details = [packed] if self.reason else []
        if self.retry_after is not None:
            retry = error_details_pb2.RetryInfo()
            retry.retry_delay.FromTimedelta(self.retry_after)
            details.append(any_pb2.Any())
            details[-1].Pack(retry)
        status = status_pb2.Status(code=self.code.value[0], message=self.message, details=details)
        await context.abort_with_status(rpc_status.to_status(status))


ANSWERS = object()
"""A good answer."""

HANGS = object()
"""An answer that never comes."""


class Script:
    """Answers by method; the last one is given again and again. ``requests`` keeps what was asked."""

    def __init__(self):
        self.requests: dict[str, list[Message]] = defaultdict(list)
        self.metadata: list[dict[str, str]] = []
        self.asked = asyncio.Event()
        self._answers: dict[str, list[object]] = {}

    def answers(self, method, *answers):
        """From now on ``method`` gives these answers in order."""
        self._answers[method] = list(answers)

    async def play(self, method, request, context):
        """The next answer of ``method``."""
        self.requests[method].append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        self.asked.set()
        left = self._answers[method]
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Refusal):
            await answer.abort(context)
        if answer is HANGS:
            await asyncio.Event().wait()
        return answer


def _scripted(method):
    async def play(self, request, context):
        return await self.script.play(method, request, context)

    return play


class ScriptedPager(PagerServiceServicer):
    """The pager. Each watch plays the next list of ``watches`` and then ends, or stays for ever."""

    def __init__(self):
        self.script = Script()
        self.watches: list[list[object]] = []
        self.resume_tokens: list[str] = []
        self.streams: list[list[object]] = []

    RaiseAlert = _scripted("RaiseAlert")
    Acknowledge = _scripted("Acknowledge")
    MarkHealthy = _scripted("MarkHealthy")
    SnoozeIncident = _scripted("SnoozeIncident")
    EscalateIncident = _scripted("EscalateIncident")
    ReassignIncident = _scripted("ReassignIncident")
    CreateMaintenanceWindow = _scripted("CreateMaintenanceWindow")
    ListMaintenanceWindows = _scripted("ListMaintenanceWindows")
    DeleteMaintenanceWindow = _scripted("DeleteMaintenanceWindow")
    GetMonitoredService = _scripted("GetMonitoredService")
    ListMonitoredServices = _scripted("ListMonitoredServices")
    GetIncident = _scripted("GetIncident")
    ListIncidents = _scripted("ListIncidents")
    ListIncidentEvents = _scripted("ListIncidentEvents")
    PreviewEscalation = _scripted("PreviewEscalation")

    async def WatchIncidents(self, request, context):  # noqa: N802 - the proto's name
        self.resume_tokens.append(request.resume_token)
        for step in self.watches.pop(0):
            if isinstance(step, Refusal):
                await step.abort(context)
            if step is HANGS:
                await asyncio.Event().wait()
            yield step

    async def RaiseAlerts(self, requests, context):  # noqa: N802 - the proto's name
        """Each stream does the next list of ``streams``, a step a message, and ends."""
        steps = self.streams.pop(0)
        async for request in requests:
            self.script.requests["RaiseAlerts"].append(request)
            step = steps.pop(0)
            if isinstance(step, Refusal):
                await step.abort(context)
            if step is HANGS:
                await asyncio.Event().wait()
            results = [pb.RaiseAlertsResponse.Result(incident_id=a.monitored_service_id) for a in request.alerts]
            if isinstance(step, int):  # so many are taken, the others are above the rate of the caller
                for result in results[step:]:
                    result.Clear()
                    result.retry_after.FromMilliseconds(10)
            yield pb.RaiseAlertsResponse(results=results)
            if not steps:
                return


class ScriptedNotifier(NotifierServiceServicer):
    """The notifier."""

    def __init__(self):
        self.script = Script()

    ListDeliveries = _scripted("ListDeliveries")


class PolicyDictionary(PolicyServiceServicer):
    """A policy service in a dictionary. ``refusals`` are given first, by method."""

    def __init__(self, policy_count=2):
        self.policy_count = policy_count
        self.policies: dict[str, policy_pb.EscalationPolicy] = {}
        self.refusals: dict[str, list[Refusal]] = defaultdict(list)
        self.checked: list[policy_pb.CheckReachabilityRequest] = []
        self.findings: list[policy_pb.ReachabilityFinding] = []

    async def CheckReachability(self, request, context):  # noqa: N802 - the proto's name
        self.checked.append(request)
        unreached = sum(finding.severity == policy_pb.ReachabilityFinding.SEVERITY_ERROR for finding in self.findings)
        return policy_pb.CheckReachabilityResponse(
            findings=self.findings, checked_policy_count=self.policy_count, unreached_service_count=unreached
        )

    async def DeleteEscalationPolicy(self, request, context):  # noqa: N802 - the proto's name
        if self.refusals["delete"]:
            await self.refusals["delete"].pop(0).abort(context)
        if request.etag != self.policies[request.policy_id].etag:
            await _refuse(context, "ABORTED", "STALE_ETAG", policy_id=request.policy_id)
        del self.policies[request.policy_id]
        return policy_pb.DeleteEscalationPolicyResponse()

    async def GetEscalationPolicy(self, request, context):  # noqa: N802 - the proto's name
        if request.policy_id not in self.policies:
            await _refuse(context, "NOT_FOUND", "POLICY_UNKNOWN", policy_id=request.policy_id)
        return policy_pb.GetEscalationPolicyResponse(escalation_policy=self.policies[request.policy_id])

    async def ListEscalationPolicies(self, request, context):  # noqa: N802 - the proto's name
        """Two a page, whatever was asked for, so that clients must page."""
        names = sorted(self.policies)
        start = int(request.page_token or 0)
        return policy_pb.ListEscalationPoliciesResponse(
            escalation_policies=[self.policies[name] for name in names[start : start + 2]],
            next_page_token=str(start + 2) if start + 2 < len(names) else "",
        )

    def store(self, policy):
        """Stores ``policy`` as its first revision."""
        stored = policy_pb.EscalationPolicy()
        stored.CopyFrom(policy)
        stored.revision, stored.etag = 1, "e1"
        stored.create_time.GetCurrentTime()
        stored.update_time.GetCurrentTime()
        self.policies[policy.policy_id] = stored


async def _refuse(context, code, reason, **metadata):
    await Refusal(grpc.StatusCode[code], f"ERROR_REASON_{reason}", metadata).abort(context)


def an_incident(incident_id="inc-1", service="payments", **fields):
    """An open incident that has notified level 1."""
    incident = pb.Incident(
        incident_id=incident_id,
        monitored_service_id=service,
        state=fields.pop("state", pb.Incident.STATE_OPEN),
        message=fields.pop("message", "disk full"),
        severity=pb.Incident.SEVERITY_CRITICAL,
        alert_count=fields.pop("alert_count", 1),
        cycle=fields.pop("cycle", 1),
        level=fields.pop("level", 1),
        policy_id=fields.pop("policy_id", "shop"),
        policy_revision=3,
        **fields,
    )
    incident.open_time.FromJsonString("2026-03-01T02:12:04Z")
    return incident


def an_event(sequence=1, at="2026-03-01T02:12:04Z", **event):
    """An event of the incident inc-1 of payments."""
    made = pb.IncidentEvent(incident_id="inc-1", monitored_service_id="payments", sequence=sequence, **event)
    made.event_time.FromJsonString(at)
    return made
