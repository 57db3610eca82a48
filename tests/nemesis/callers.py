"""The people and machines that raise, acknowledge and mark healthy, and remember what they heard."""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc
from nemesis.cluster import PAGERS, TEAMS, Cluster, services_of
from simulation.history import Call, Operation
from simulation.requests import CHANGED, METHODS
from simulation.requests import request as intervention

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc

PATIENCE_SECONDS = 12.0
"""After this long without an answer a caller gives up, unless told otherwise."""
UNKNOWN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.INTERNAL,
}
"""After these nobody knows whether a call was taken."""


def every_service() -> list[str]:
    """All services that somebody calls about."""
    return [service for team in range(TEAMS) for service in services_of(team)]


class Callers:
    """One task a service; ``rest`` is how long each sleeps at most between two troubles, in seconds.

    A call may take ``timeout`` seconds; who has no answer after ``patience`` seconds gives up. ``intervenes`` is the
    share of troubles in which somebody pushes the incident on, gives it to others or puts it off.
    """

    def __init__(
        self,
        cluster: Cluster,
        chance: random.Random,
        rest: float = 10.0,
        *,
        pagers: Sequence[str] = PAGERS,
        timeout: float = 3.0,
        patience: float = PATIENCE_SECONDS,
        intervenes: float = 0.0,
    ) -> None:
        self._chance, self._rest, self._intervenes = chance, rest, intervenes
        self._timeout, self._patience = timeout, patience
        self._stubs = [pb_grpc.PagerServiceStub(cluster.channel(name)) for name in pagers]
        self._count = 0
        self.calls: list[Call] = []
        self.surprises: list[str] = []

    async def call_until(self, over: asyncio.Event) -> None:
        """Every service has its troubles until ``over``; then each finishes what it has begun."""
        await asyncio.gather(*(self._troubles(service, over) for service in every_service()))

    async def _troubles(self, service: str, over: asyncio.Event) -> None:
        while not over.is_set():
            await self._pause(over, self._rest)
            await asyncio.gather(*(self._raise(service) for _ in range(self._chance.choice((1, 1, 1, 2, 3)))))
            await self._pause(over, 7)
            if self._chance.random() < self._intervenes:
                await self._intervene(service)
                await self._pause(over, 7)
            if self._chance.random() < 0.6:
                await self._acknowledge(service)
                await self._pause(over, 3)
            if self._chance.random() < 0.85:
                await self._heal(service)

    async def _pause(self, over: asyncio.Event, longest: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), self._chance.uniform(0, longest))

    async def _raise(self, service: str) -> None:
        request_id = self._request_id("raise")
        request = pb.RaiseAlertRequest(
            monitored_service_id=service,
            message=f"it burns ({request_id})",  # no two texts are the same
            severity=self._chance.choice(pb.Incident.Severity.values()[1:]),
            request_id=request_id,
        )
        await self._insist("raise", "RaiseAlert", request)

    async def _acknowledge(self, service: str) -> None:
        request_id = self._request_id("ack")
        request = pb.AcknowledgeRequest(monitored_service_id=service, acknowledged_by="ana", request_id=request_id)
        await self._insist("acknowledge", "Acknowledge", request)

    async def _intervene(self, service: str) -> None:
        operation: Operation = self._chance.choice(("escalate", "reassign", "snooze"))
        teams = [f"team-{team}" for team in range(TEAMS)]
        asked = intervention(operation, service, self._request_id(operation), teams, self._chance)
        await self._insist(operation, METHODS[operation], asked)

    async def _heal(self, service: str) -> None:
        request = pb.MarkHealthyRequest(monitored_service_id=service, request_id=self._request_id("healthy"))
        await self._insist("healthy", "MarkHealthy", request)

    def _request_id(self, what: str) -> str:
        self._count += 1
        return f"{what}-{self._count}"

    async def _insist(self, operation: Any, method: str, request: Any) -> None:
        """The same request to any replica until an answer comes, or patience ends: then nobody knows."""
        end = time.monotonic() + self._patience
        outcome = "unknown"
        while outcome == "unknown" and time.monotonic() < end:
            call = getattr(self._chance.choice(self._stubs), method)
            outcome = await self._once(operation, call, request)
            await asyncio.sleep(self._chance.uniform(0.05, 0.5))

    async def _once(self, operation: Any, call: Callable[..., Awaitable[Any]], request: Any) -> str:
        began = time.time()
        outcome, heard = "ok", {}
        try:
            heard = _heard(operation, await call(request, timeout=self._timeout))
        except grpc.aio.AioRpcError as error:
            outcome = "unknown" if error.code() in UNKNOWN else "fail"
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                self.surprises.append(f"{operation} {error.code().name}")
        service, request_id = request.monitored_service_id, request.request_id
        self.calls.append(Call(operation, service, request_id, began, time.time(), outcome, **heard))
        return outcome


def _heard(operation: str, answer: Any) -> dict[str, Any]:
    changed = getattr(answer, CHANGED[operation]) if operation in CHANGED else True
    count = answer.alert_count if operation == "raise" else 0
    return {"incident_id": answer.incident.incident_id, "changed": changed, "alert_count": count}
