"""``policy.v1.PolicyService``: request to values, use case, response."""

# ruff: noqa: N802 - the contract names the methods

import asyncio
from functools import partial
from typing import Any

import structlog

from pager_domain.policy.application import PolicyApplicationService
from pager_domain.policy.checking import ReachabilityCheck
from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb
from pager_grpc.gen.policy.v1 import policy_service_pb2_grpc as pb_grpc
from pager_grpc.policy import reachability_wire, resolution_wire, wire
from pager_grpc.policy.reachability_loop import check_all
from pager_grpc.policy.wire_values import under
from pager_grpc.runtime.page_tokens import page_size_of

log = structlog.get_logger()

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["PolicyService"].full_name


class PolicyServicer(pb_grpc.PolicyServiceServicer):
    """Domain errors pass through; the server's boundary writes them."""

    def __init__(self, application: PolicyApplicationService, check: ReachabilityCheck) -> None:
        self._application = application
        self._check = check

    async def CreateEscalationPolicy(
        self, request: pb.CreateEscalationPolicyRequest, context: Any
    ) -> pb.CreateEscalationPolicyResponse:
        """A new policy as revision 1."""
        definition = wire.definition_from(request.escalation_policy)
        with under("escalation_policy"):
            policy = await self._application.create(definition)
        return pb.CreateEscalationPolicyResponse(escalation_policy=wire.policy_to(policy))

    async def GetEscalationPolicy(
        self, request: pb.GetEscalationPolicyRequest, context: Any
    ) -> pb.GetEscalationPolicyResponse:
        """The newest revision."""
        policy = await self._application.policy(wire.policy_id_from(request.policy_id))
        return pb.GetEscalationPolicyResponse(escalation_policy=wire.policy_to(policy))

    async def ListEscalationPolicies(
        self, request: pb.ListEscalationPoliciesRequest, context: Any
    ) -> pb.ListEscalationPoliciesResponse:
        """A page; one more than shown is read, to know whether there is another page."""
        page_size = page_size_of(request.page_size)
        policies = await self._application.policies(wire.after_from(request.page_token), page_size + 1)
        return wire.page_to(policies, page_size)

    async def UpdateEscalationPolicy(
        self, request: pb.UpdateEscalationPolicyRequest, context: Any
    ) -> pb.UpdateEscalationPolicyResponse:
        """The next revision, if anything is different."""
        definition = wire.definition_from(request.escalation_policy)
        policy = await self._application.update(definition, wire.etag_from(request.etag))
        return pb.UpdateEscalationPolicyResponse(escalation_policy=wire.policy_to(policy))

    async def DeleteEscalationPolicy(
        self, request: pb.DeleteEscalationPolicyRequest, context: Any
    ) -> pb.DeleteEscalationPolicyResponse:
        """The policy ends; its revisions stay."""
        await self._application.delete(wire.policy_id_from(request.policy_id), wire.etag_from(request.etag))
        return pb.DeleteEscalationPolicyResponse()

    async def ResolveEscalation(
        self, request: pb.ResolveEscalationRequest, context: Any
    ) -> pb.ResolveEscalationResponse:
        """Whom to page."""
        answer = await self._application.resolve(resolution_wire.question_from(request))
        return pb.ResolveEscalationResponse(resolved_escalation=resolution_wire.escalation_to(answer))

    async def BatchResolveEscalations(
        self, request: pb.BatchResolveEscalationsRequest, context: Any
    ) -> pb.BatchResolveEscalationsResponse:
        """Whom to page for each question, in their order."""
        questions = resolution_wire.questions_from(request)
        answers = await self._application.resolve_all(questions)
        if incidents := [question.incident_id for question in questions if question.incident_id]:
            # A line takes time, and somebody waits to be paged.
            asyncio.get_running_loop().call_soon(partial(log.info, "escalations_resolved", incident_ids=incidents))
        results = [resolution_wire.result_to(answer) for answer in answers]
        return pb.BatchResolveEscalationsResponse(results=results)

    async def CheckReachability(
        self, request: pb.CheckReachabilityRequest, context: Any
    ) -> pb.CheckReachabilityResponse:
        """What would keep pages from reaching somebody."""
        horizon, policy_id = reachability_wire.horizon_from(request), reachability_wire.policy_id_from(request)
        if policy_id is not None:
            return reachability_wire.response_to([await self._check.one(policy_id, horizon)])
        return reachability_wire.response_to(await check_all(self._check, horizon))
