"""Whether rooms are SERVING, by the gRPC health protocol."""

from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from pager_grpc.runtime.channels import open_channel

if TYPE_CHECKING:
    from pager_grpc.runtime.tls import Tls

_SERVING = health_pb2.HealthCheckResponse.SERVING


async def until_serving(target: str, *, room: str = "", tls: "Tls | None" = None) -> None:
    """Returns when the server at ``target`` says SERVING; waits for one that is not there yet."""
    async with open_channel(target, tls=tls, room=room) as channel:
        stub = _stub(channel)
        while True:
            try:
                async for answer in stub.Watch(health_pb2.HealthCheckRequest(), wait_for_ready=True):
                    if answer.status == _SERVING:
                        return
            except grpc.aio.AioRpcError:
                continue  # it went away while starting; wait_for_ready paces the next attempt


async def health_of(target: str, timeout_seconds: float, *, room: str = "", tls: "Tls | None" = None) -> str | None:
    """The health status that the server at ``target`` reports, by name; None if none answers in time."""
    async with open_channel(target, tls=tls, room=room) as channel:
        stub = _stub(channel)
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=timeout_seconds)
        except grpc.aio.AioRpcError:
            return None
        return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


def _stub(channel: grpc.aio.Channel) -> Any:
    # The stub gets its methods when it is made, which its types do not tell.
    return health_pb2_grpc.HealthStub(channel)
