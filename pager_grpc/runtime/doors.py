"""Which methods have an accept queue of their own (a door) in grpc.aio; the rest share one.

Calls that our code has not accepted yet wait in gRPC: those of a registered method in its own queue, all others in one.
So the acknowledgement of somebody who was paged overtakes any number of reads. Each queue costs every call half a
microsecond, because grpc.aio waits at all of them again after each call, and generated code registers every method.
"""

from collections.abc import Collection, Mapping
from typing import Any

import grpc

from pager_grpc.runtime.admission import LaneOf
from pager_grpc.runtime.lanes import Lane

HEALTH = "/grpc.health.v1.Health/Check"
_SHARING = (Lane.WATCH, Lane.READ, Lane.ADMINISTRATION)


def overtaking(lanes: Mapping[str, LaneOf]) -> frozenset[str]:
    """The methods of ``lanes`` that must not stand behind what is refused first, and what says that a room lives."""
    return frozenset({HEALTH, *(method for method, lane in lanes.items() if lane not in _SHARING)})


def give_doors(server: grpc.aio.Server, methods: Collection[str]) -> None:
    """Of the services that are added to ``server`` from now on, only ``methods`` have doors of their own."""
    register = server.add_registered_method_handlers

    def registered(service_name: str, method_handlers: "Mapping[str, grpc.RpcMethodHandler[Any, Any]]") -> None:
        own = {name: handler for name, handler in method_handlers.items() if f"/{service_name}/{name}" in methods}
        register(service_name, own)

    server.add_registered_method_handlers = registered  # type: ignore[method-assign]  # generated code calls it
