"""Callers of the simulated world: monitored services that complain, people who answer, both impatient."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.duration_pb2 import Duration
from simulation.composition import PAGER, POLICY
from simulation.history import Call
from simulation.network import SimulatedChannel

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb
from pager_grpc.gen.policy.v1 import policy_service_pb2_grpc as policy_grpc

if TYPE_CHECKING:
    from simulation.world import World

PATIENCE_SECONDS = 3.0
_MAY_BE_TAKEN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.CANCELLED,
}


class Callers:
    """Everybody who calls the pager, and what they heard."""

    def __init__(self, world: "World") -> None:
        self._world, self._chance, self._knobs = world, world.chance, world.chance.knobs
        self._stub = pb_grpc.PagerServiceStub(SimulatedChannel(PAGER, world))
        self._services = [f"service-{n}" for n in range(1, self._knobs.services + 1)]
        self.calls: list[Call] = []

    async def define_policies(self) -> None:
        """Each service has a policy, unless this run leaves one without."""
        stub = policy_grpc.PolicyServiceStub(SimulatedChannel(POLICY, self._world))
        for number, service in enumerate(self._services, 1):
            if number > 1 or self._knobs.covered:
                policy = self._policy(number, service)
                request = policy_pb.CreateEscalationPolicyRequest(escalation_policy=policy)
                await stub.CreateEscalationPolicy(request, timeout=PATIENCE_SECONDS)

    async def all_call(self) -> None:
        """All callers at the same time."""
        async with asyncio.TaskGroup() as group:
            for number in range(1, self._knobs.callers + 1):
                group.create_task(self._one_calls(f"caller-{number}"))

    async def _one_calls(self, name: str) -> None:
        dice = self._chance.stream(name)
        for number in range(1, self._knobs.calls_each + 1):
            pause, kind, service = dice.uniform(0, 6), dice.random(), dice.choice(self._services)
            named, shared, tries = dice.random() < 0.8, dice.random() < 0.1, dice.randint(1, 4)
            await asyncio.sleep(pause)
            if not self._chance.strikes(f"call {name}"):
                continue
            request_id = f"shared-{number}" if shared else f"{name}-{number}"
            operation = "raise" if kind < 0.6 else "acknowledge" if kind < 0.85 else "healthy"
            await self._call(operation, service, f"{operation}-{request_id}" if named else "", tries)

    async def _call(self, operation: str, service: str, request_id: str, tries: int) -> None:
        """Calls until heard; whoever named the call may repeat it, and sometimes does so after an answer too."""
        for attempt in range(1, tries + 1):
            outcome = await self._try(operation, service, request_id)
            if not request_id or (outcome != "unknown" and attempt != tries - 1):
                return
            await asyncio.sleep(0.1)

    async def _try(self, operation: str, service: str, request_id: str) -> str:
        began = self._world.now()
        try:
            answer = await self._asked(operation, service, request_id)
        except grpc.aio.AioRpcError as error:
            outcome = "unknown" if error.code() in _MAY_BE_TAKEN else "fail"
            self.calls.append(Call(operation, service, request_id, began, self._world.now(), outcome))
            return outcome
        heard: dict[str, Any] = {"incident_id": answer.incident.incident_id}
        match operation:
            case "raise":
                heard |= {"changed": answer.opened, "alert_count": answer.alert_count}
            case "acknowledge":
                heard |= {"changed": answer.acknowledged}
            case _:
                heard |= {"changed": answer.resolved}
        self.calls.append(Call(operation, service, request_id, began, self._world.now(), "ok", **heard))
        return "ok"

    async def _asked(self, operation: str, service: str, request_id: str) -> Any:
        common = {"monitored_service_id": service, "request_id": request_id}
        if operation == "raise":
            message = f"it is broken, says {request_id or 'somebody'}"
            severity = pb.Incident.Severity.values()[1 + self._services.index(service) % 4]
            request = pb.RaiseAlertRequest(message=message, severity=severity, **common)
            return await self._stub.RaiseAlert(request, PATIENCE_SECONDS)
        if operation == "acknowledge":
            return await self._stub.Acknowledge(
                pb.AcknowledgeRequest(acknowledged_by="ana", **common), PATIENCE_SECONDS
            )
        return await self._stub.MarkHealthy(pb.MarkHealthyRequest(**common), PATIENCE_SECONDS)

    def _policy(self, number: int, service: str) -> policy_pb.EscalationPolicy:
        dice, shared = self._chance.stream("policies"), self._knobs.storm
        policy = policy_pb.EscalationPolicy(
            policy_id=f"policy-{number}", monitored_service_ids=[service], repeat_count=dice.choice([0, 0, 0, 1])
        )
        for level in range(1, dice.randint(1, 3) + 1):
            timeout = Duration()
            timeout.FromTimedelta(timedelta(seconds=dice.uniform(*self._knobs.acknowledgement_seconds)))
            step = policy.levels.add(acknowledgement_timeout=timeout)
            team, rank = (0, 0) if shared else (number, level)
            for person in range(1, dice.randint(1, 3) + 1):
                target = step.targets.add(target_id=f"person-{level}-{person}")
                if dice.random() < 0.5:
                    target.email.email_address = f"person-{team}-{rank}-{person}@example.com"
                else:
                    target.sms.phone_number = f"+4915{team}{rank}00000{person}"
        return policy
