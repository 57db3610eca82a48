"""``status.v1.StatusService``: what a process knows of itself, whatever it cannot reach."""

# grpc's classes are generic for the type checker only; annotations must not be evaluated.
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client import CollectorRegistry

from pager_domain.errors import StoreUnavailable
from pager_grpc.gen.status.v1 import status_service_pb2 as pb
from pager_grpc.gen.status.v1 import status_service_pb2_grpc as pb_grpc
from pager_grpc.runtime.database import Database, Paused
from pager_grpc.runtime.server import Server
from pager_grpc.runtime.version import own_version

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["StatusService"].full_name
_PATIENCE_SECONDS = 2.0
_NEIGHBOR_SECONDS = 1.0
_EXPIRY = "certificate_expiry_timestamp_seconds"

Part = Callable[[pb.Status], Awaitable[None]]
"""Adds what only one room knows. It may raise StoreUnavailable, and is given 2 seconds."""


async def nothing_more(_status: pb.Status) -> None:
    """The part of a room that knows no more than every room does."""


class StatusServicer(pb_grpc.StatusServiceServicer):
    """Answers from one look at the database, the health of the neighbors, and the numbers that are counted anyway."""

    def __init__(
        self,
        room: str,
        database: Database,
        registry: CollectorRegistry,
        *,
        neighbors: Mapping[str, grpc.aio.Channel],
        authenticated: bool,
        part: Part,
    ) -> None:
        self._room = room
        self._database = database
        self._registry = registry
        self._neighbors = neighbors
        self._authenticated = authenticated
        self._part = part
        self._began = datetime.now(UTC)

    async def GetStatus(self, request: pb.GetStatusRequest, context: Any) -> pb.GetStatusResponse:  # noqa: N802 - the contract names it
        """What there is to say."""
        status = pb.Status(room=self._room, version=own_version())
        status.start_time.FromDatetime(self._began)
        status.security.CopyFrom(self._security())
        # The part begins when the database has answered: one that hangs would hang twice.
        status.database.CopyFrom(await self._seen_database())
        status.neighbors.extend(await asyncio.gather(*map(_seen, self._neighbors, self._neighbors.values())))
        if status.database.reached:
            await self._add_part(status)
        status.status_time.GetCurrentTime()
        return pb.GetStatusResponse(status=status)

    async def _add_part(self, status: pb.Status) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._part(status)
        except (StoreUnavailable, TimeoutError) as error:
            status.database.reached, status.database.failure = False, _reason(error)

    async def _seen_database(self) -> pb.Database:
        seen = pb.Database(engine="sqlite" if self._database.is_sqlite else "postgresql")
        begun = perf_counter()
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._database.look()
        except (StoreUnavailable, TimeoutError) as error:
            seen.failure = _reason(error)
            return seen
        seen.reached = True
        seen.answer_duration.FromMicroseconds(int((perf_counter() - begun) * 1e6))
        if (median := self._database.commits.median) is not None:
            seen.commit_duration.FromMicroseconds(int(median * 1e6))
        return seen

    def _security(self) -> pb.Security:
        ends = [
            sample.value for family in self._registry.collect() for sample in family.samples if family.name == _EXPIRY
        ]
        security = pb.Security(encrypted=bool(ends), authenticated=self._authenticated)
        if ends:
            security.certificate_expire_time.FromSeconds(int(min(ends)))
        return security


def serve_status(server: Server, servicer: StatusServicer) -> None:
    """Adds the service; the server's ``also_served`` must name it."""
    pb_grpc.add_StatusServiceServicer_to_server(servicer, server.grpc)


async def _seen(room: str, channel: grpc.aio.Channel) -> pb.Neighbor:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    try:
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=_NEIGHBOR_SECONDS)
    except grpc.aio.AioRpcError:
        return pb.Neighbor(room=room)
    return pb.Neighbor(room=room, reached=answer.status == health_pb2.HealthCheckResponse.SERVING)


def _reason(error: Exception) -> str:
    """A word or two; the words of the driver may name hosts and users."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    cause = error.__cause__
    return str(cause) if isinstance(cause, Paused) else type(cause or error).__name__
