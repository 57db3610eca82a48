"""Callers of the simulated world: monitored services that complain, people who answer, both impatient."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.duration_pb2 import Duration
from simulation.composition import PAGER, POLICY
from simulation.history import Call, Operation
from simulation.network import SimulatedChannel
from simulation.requests import CHANGED, METHODS, a_window, many_alerts, request

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
        self._channel = SimulatedChannel(PAGER, world)
        self._stub = pb_grpc.PagerServiceStub(self._channel)
        self._services = [f"service-{n}" for n in range(1, self._knobs.services + 1)]
        self.calls: list[Call] = []

    async def define_policies(self) -> None:
        """Each service has a policy, unless this run leaves one without."""
        stub = policy_grpc.PolicyServiceStub(SimulatedChannel(POLICY, self._world))
        for number, service in enumerate(self._services, 1):
            if number > 1 or self._knobs.covered:
                policy = self._policy(number, service)
                asked = policy_pb.CreateEscalationPolicyRequest(escalation_policy=policy)
                await stub.CreateEscalationPolicy(asked, timeout=PATIENCE_SECONDS)

    async def all_call(self) -> None:
        """All callers at the same time."""
        async with asyncio.TaskGroup() as group:
            for number in range(1, self._knobs.callers + 1):
                group.create_task(self._one_calls(f"caller-{number}"))
            group.create_task(self._somebody_intervenes())
            group.create_task(self._somebody_works_on_services())
            group.create_task(self._a_machine_raises_many())

    async def _one_calls(self, name: str) -> None:
        dice = self._chance.stream(name)
        for number in range(1, self._knobs.calls_each + 1):
            pause, kind, service = dice.uniform(0, 6), dice.random(), dice.choice(self._services)
            named, shared, tries = dice.random() < 0.8, dice.random() < 0.1, dice.randint(1, 4)
            await asyncio.sleep(pause)
            if not self._chance.strikes(f"call {name}"):
                continue
            request_id = f"shared-{number}" if shared else f"{name}-{number}"
            operation: Operation = "raise" if kind < 0.6 else "acknowledge" if kind < 0.85 else "healthy"
            await self._call(operation, service, f"{operation}-{request_id}" if named else "", tries)

    async def _somebody_intervenes(self) -> None:
        """Puts incidents off, pushes them on, gives them to others."""
        dice, operations = self._chance.stream("interventions"), ("snooze", "escalate", "reassign")
        for number in range(1, self._knobs.interventions + 1):
            pause, operation, service = dice.uniform(0, 6), dice.choice(operations), dice.choice(self._services)
            tries = dice.randint(1, 4)
            await asyncio.sleep(pause)
            if self._chance.strikes("intervention"):
                await self._call(operation, service, f"{operation}-{number}", tries)

    async def _somebody_works_on_services(self) -> None:
        """Says so by a maintenance window, and often takes it back."""
        dice = self._chance.stream("windows")
        for number in range(1, self._knobs.windows + 1):
            pause, lasts, deleted = dice.uniform(0, 8), dice.uniform(1, 70), dice.random() < 0.5
            await asyncio.sleep(pause)
            window = a_window(self._services, self._world.now(), f"window-{number}", dice)
            if not self._chance.strikes("window"):
                continue
            with _whatever_is_heard():
                made = await self._stub.CreateMaintenanceWindow(window, PATIENCE_SECONDS)
                window_id = made.maintenance_window.maintenance_window_id
                if deleted:
                    await asyncio.sleep(lasts)
                    asked = pb.DeleteMaintenanceWindowRequest(maintenance_window_id=window_id)
                    await self._stub.DeleteMaintenanceWindow(asked, PATIENCE_SECONDS)

    async def _a_machine_raises_many(self) -> None:
        dice = self._chance.stream("messages")
        for number in range(1, self._knobs.messages + 1):
            pause, tries = dice.uniform(0, 6), dice.randint(1, 4)
            message = many_alerts(f"message-{number}", self._services, dice)
            await asyncio.sleep(pause)
            if not self._chance.strikes("message"):
                continue
            for attempt in range(1, tries + 1):
                if await self._raised(message) and attempt != tries - 1:
                    break
                await asyncio.sleep(0.1)

    async def _raised(self, message: pb.RaiseAlertsRequest) -> bool:
        """Whether an answer was heard; each alert is a call of its own to those who judge."""
        began, results = self._world.now(), []
        with _whatever_is_heard():
            results = (await self._channel.one_message("RaiseAlerts", message, PATIENCE_SECONDS)).results
        for number, alert in enumerate(message.alerts):
            told = ("raise", alert.monitored_service_id, alert.request_id, began, self._world.now())
            if not results:
                self.calls.append(Call(*told, "unknown"))
            elif results[number].error_reason:
                self.calls.append(Call(*told, "fail"))
            else:
                result = results[number]
                self.calls.append(Call(*told, "ok", result.incident_id, result.opened, result.alert_count))
        return bool(results)

    async def _call(self, operation: Operation, service: str, request_id: str, tries: int) -> None:
        """Calls until heard; whoever named the call may repeat it, and sometimes does so after an answer too."""
        policies = [f"policy-{number}" for number in range(1, len(self._services) + 1)]
        asked = request(operation, service, request_id, policies, self._chance.stream("requests"))
        for attempt in range(1, tries + 1):
            outcome = await self._try(operation, service, asked)
            if not request_id or (outcome != "unknown" and attempt != tries - 1):
                return
            await asyncio.sleep(0.1)

    async def _try(self, operation: Operation, service: str, asked: Any) -> str:
        told = (operation, service, asked.request_id, self._world.now())
        try:
            answer = await getattr(self._stub, METHODS[operation])(asked, PATIENCE_SECONDS)
        except grpc.aio.AioRpcError as error:
            outcome = "unknown" if error.code() in _MAY_BE_TAKEN else "fail"
            self.calls.append(Call(*told, self._world.now(), outcome))
            return outcome
        changed = getattr(answer, CHANGED[operation]) if operation in CHANGED else True
        count = answer.alert_count if operation == "raise" else 0
        self.calls.append(Call(*told, self._world.now(), "ok", answer.incident.incident_id, changed, count))
        return "ok"

    def _policy(self, number: int, service: str) -> policy_pb.EscalationPolicy:
        dice, shared = self._chance.stream("policies"), self._knobs.storm
        policy = policy_pb.EscalationPolicy(
            policy_id=f"policy-{number}", monitored_service_ids=[service], repeat_count=dice.choice([0, 0, 0, 1])
        )
        for level in range(1, dice.randint(1, 3) + 1):
            step = policy.levels.add(acknowledgement_timeout=_span(dice.uniform(*self._knobs.acknowledgement_seconds)))
            team, rank = (0, 0) if shared else (number, level)
            for person in range(1, dice.randint(1, 3) + 1):
                target = step.targets.add(target_id=f"person-{level}-{person}")
                if dice.random() < 0.5:
                    target.email.email_address = f"person-{team}-{rank}-{person}@example.com"
                else:
                    target.sms.phone_number = f"+4915{team}{rank}00000{person}"
        if self._knobs.forgetful:
            _forget(policy, self._chance.stream("forgetting"))
        return policy


def _forget(policy: policy_pb.EscalationPolicy, dice: Random) -> None:
    """Acknowledgements expire, and what comes back soon is the same incident."""
    policy.acknowledgement_expiry.CopyFrom(_span(dice.uniform(60, 90)))
    if dice.random() < 0.7:
        policy.reopen_window.CopyFrom(_span(dice.uniform(1, 30)))


def _span(seconds: float) -> Duration:
    span = Duration()
    span.FromTimedelta(timedelta(seconds=seconds))
    return span


@contextmanager
def _whatever_is_heard() -> Iterator[None]:
    """Nothing rests on this answer."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        if error.code() not in _MAY_BE_TAKEN | {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT}:
            raise
