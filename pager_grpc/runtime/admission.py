"""Admission: in an overload what matters less is refused, before anything of it is stored."""

import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing
from datetime import timedelta
from typing import Any, TypeAlias

from grpc_status import rpc_status
from prometheus_client import CollectorRegistry, Counter

from pager_domain.errors import Overloaded
from pager_grpc.runtime.errors import ErrorTable, status_of
from pager_grpc.runtime.lanes import Gate, Lane
from pager_grpc.runtime.rpc_boundary import Context, RpcLayer, StreamCall, UnaryCall

PATIENCE_SECONDS = 1.0
"""How long a call waits for a place: a burst of twice the places is taken by a slow database, too."""
_RETRY_AFTER = (0.5, 1.5)
"""Seconds, drawn for each refusal: who was refused together must not come back together."""

LaneOf: TypeAlias = "Lane | Callable[[Any], Lane]"
"""The lane of a method, or of each of its requests."""


class Admission(RpcLayer):
    """Lets a call in when its lane has a place; ``lanes`` says it of every method, ``places`` how many each lane has.

    A stream keeps its place until it ends. VITAL calls pass, and so do methods that ``lanes`` does not name. A refusal
    is a status that was made before, and is counted instead of logged: it must cost little.
    """

    def __init__(
        self,
        lanes: Mapping[str, LaneOf],
        places: Mapping[Lane, int],
        errors: ErrorTable,
        registry: CollectorRegistry,
        *,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._lanes = lanes
        self._gates: dict[Lane, Gate] = {}
        for lane in reversed([lane for lane in Lane if lane in places]):
            self._gates[lane] = Gate(places[lane], patience, list(self._gates.values()))
        counter = Counter(
            "rpc_refused_in_overload_total", "Calls that found no place in their lane.", ["lane"], registry=registry
        )
        self._refused = {lane: counter.labels(lane.value) for lane in self._gates}
        spans = (timedelta(seconds=random.uniform(*_RETRY_AFTER)) for _ in range(64))  # noqa: S311 - jitter is no secret
        self._statuses = [rpc_status.to_status(status_of(Overloaded(span), errors)) for span in spans]

    def unary(self, method: str, call: UnaryCall) -> UnaryCall:
        """``call``, once there is a place."""
        lane_of = self._lanes.get(method, Lane.VITAL)
        if lane_of is Lane.VITAL:
            return call
        gate_of = self._gate_of(lane_of)

        async def admitted(request: Any, context: Context) -> Any:
            gate = gate_of(request)
            if not await gate.enter():
                await self._refuse(lane_of(request) if callable(lane_of) else lane_of, context)
            try:
                return await call(request, context)
            finally:
                gate.leave()

        return admitted

    def stream(self, method: str, call: StreamCall) -> StreamCall:
        """``call``, once there is a place, which it keeps."""
        lane = self._lanes.get(method, Lane.VITAL)
        if lane is Lane.VITAL:
            return call
        assert isinstance(lane, Lane)  # noqa: S101 - a stream is in one lane
        gate = self._gates[lane]

        async def admitted(request: Any, context: Context) -> AsyncIterator[Any]:
            if not await gate.enter():
                await self._refuse(lane, context)
            try:
                async with aclosing(call(request, context)) as responses:  # type: ignore[type-var]  # a generator
                    async for response in responses:
                        yield response
            finally:
                gate.leave()

        return admitted

    def _gate_of(self, lane_of: LaneOf) -> Callable[[Any], Gate]:
        if isinstance(lane_of, Lane):
            gate = self._gates[lane_of]
            return lambda _: gate
        return lambda request: self._gates[lane_of(request)]

    async def _refuse(self, lane: Lane, context: Context) -> None:
        self._refused[lane].inc()
        await context.abort_with_status(random.choice(self._statuses))  # noqa: S311 - the same
