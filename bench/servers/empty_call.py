"""The calls that do nothing, at once or after a commit: what the figures of the product are held against."""

import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

SERVICE = "bench.v1.BenchService"
EMPTY = f"/{SERVICE}/Empty"
SHARED = f"/{SERVICE}/Shared"


async def _empty(_request: pb.RaiseAlertRequest, _context: object) -> pb.RaiseAlertResponse:
    return pb.RaiseAlertResponse(alert_count=1)


def add_empty_call(server: grpc.aio.Server, shared_commit: Callable[[], Awaitable[None]] | None = None) -> None:
    """``Empty`` takes a whole alert and answers at once; ``Shared``, if there is one, after ``shared_commit``."""
    handlers = {"Empty": _handler(_empty)}
    if shared_commit is not None:

        async def shared(request: pb.RaiseAlertRequest, context: object) -> pb.RaiseAlertResponse:
            await shared_commit()
            return await _empty(request, context)

        handlers["Shared"] = _handler(shared)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])


def _handler(call: Callable[[pb.RaiseAlertRequest, object], Awaitable[pb.RaiseAlertResponse]]) -> Any:
    return grpc.unary_unary_rpc_method_handler(
        call, pb.RaiseAlertRequest.FromString, pb.RaiseAlertResponse.SerializeToString
    )


def tell_port(port: int) -> None:
    """The first line of the output: where to call."""
    sys.stdout.write(json.dumps({"port": port}) + "\n")
    sys.stdout.flush()
