"""Machines that raise many alerts by streams, do not wait between messages, and remember what they heard."""

import asyncio
import contextlib
import random
import time
from collections.abc import Sequence

import grpc
from nemesis.callers import PATIENCE_SECONDS, UNKNOWN, every_service
from nemesis.cluster import PAGERS, Cluster
from simulation.history import Call

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc

_TIMEOUT_SECONDS = 3.0
_MOST_ALERTS = 6


class Streams:
    """One machine that has something to raise about any services; it rests so many seconds at most in between."""

    def __init__(self, cluster: Cluster, chance: random.Random, rest: float = 4.0) -> None:
        self._chance, self._rest = chance, rest
        self._stubs = [pb_grpc.PagerServiceStub(cluster.channel(name)) for name in PAGERS]
        self._count = 0
        self.calls: list[Call] = []
        self.surprises: list[str] = []

    async def call_until(self, over: asyncio.Event) -> None:
        """Messages go out until ``over``; those that were begun are finished."""
        while not over.is_set():
            await self._insist([self._message() for _ in range(self._chance.choice((1, 2, 3, 8)))])
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), self._chance.uniform(0, self._rest))

    def _message(self) -> pb.RaiseAlertsRequest:
        """Alerts about the same service are equal, and so one line of its timeline; no two messages say the same."""
        self._count += 1
        services = self._chance.choices(every_service(), k=self._chance.randint(1, _MOST_ALERTS))
        return pb.RaiseAlertsRequest(
            alerts=[
                pb.RaiseAlertRequest(
                    monitored_service_id=service,
                    message=f"it burns (message {self._count})",
                    request_id=f"stream-{self._count}-{number}",
                )
                for number, service in enumerate(services)
            ]
        )

    async def _insist(self, messages: Sequence[pb.RaiseAlertsRequest]) -> None:
        """What has no answer goes to any replica again, until patience ends: then nobody knows."""
        end = time.monotonic() + PATIENCE_SECONDS
        while messages and time.monotonic() < end:
            messages = messages[await self._answered(messages) :]
            await asyncio.sleep(self._chance.uniform(0.05, 0.5))

    async def _answered(self, messages: Sequence[pb.RaiseAlertsRequest]) -> int:
        """How many of ``messages``, that one stream carries, were answered before it ended."""
        began, answered = time.time(), 0
        try:
            stream = self._chance.choice(self._stubs).RaiseAlerts(iter(messages), timeout=_TIMEOUT_SECONDS)
            async for response in stream:
                self._note(messages[answered], began, response.results)
                answered += 1
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                self.surprises.append(f"stream {error.code().name}")
            if error.code() not in UNKNOWN:
                raise
        for message in messages[answered:]:
            self._note(message, began, [])
        return answered

    def _note(
        self, message: pb.RaiseAlertsRequest, began: float, results: Sequence[pb.RaiseAlertsResponse.Result]
    ) -> None:
        """Without ``results`` nobody knows."""
        ended = time.time()
        for number, alert in enumerate(message.alerts):
            call = alert.monitored_service_id, alert.request_id, began, ended
            if not results:
                self.calls.append(Call("raise", *call, "unknown"))
                continue
            result = results[number]
            outcome = "fail" if result.error_reason else "ok"
            self.calls.append(Call("raise", *call, outcome, result.incident_id, result.opened, result.alert_count))
