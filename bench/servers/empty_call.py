"""The call that does nothing: what every figure of the product is held against."""

import json
import sys

import grpc

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

SERVICE = "bench.v1.BenchService"
EMPTY = f"/{SERVICE}/Empty"


async def _empty(_request: pb.RaiseAlertRequest, _context: object) -> pb.RaiseAlertResponse:
    return pb.RaiseAlertResponse(alert_count=1)


def add_empty_call(server: grpc.aio.Server) -> None:
    """Takes a whole alert and answers at once."""
    handler = grpc.unary_unary_rpc_method_handler(
        _empty, pb.RaiseAlertRequest.FromString, pb.RaiseAlertResponse.SerializeToString
    )
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, {"Empty": handler})])


def tell_port(port: int) -> None:
    """The first line of the output: where to call."""
    sys.stdout.write(json.dumps({"port": port}) + "\n")
    sys.stdout.flush()
