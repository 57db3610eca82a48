"""What a room needs to record changes and to tell them."""

from collections.abc import Callable
from typing import Protocol

from pager_grpc.changes.change_log_sql import SqlChangeLog
from pager_grpc.changes.layer import AttributionLayer
from pager_grpc.changes.servicer import SERVICE_NAME, ChangeLogServicer
from pager_grpc.gen.changes.v1 import change_log_service_pb2_grpc
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.server import Server

__all__ = ["SERVICE_NAME", "attribution", "serve_change_log"]


class Named(Protocol):
    """Whoever calls."""

    @property
    def name(self) -> str:
        """Like key:ab12cd, jwt:ana or service:pager."""


def attribution(principal: Callable[[], Named]) -> AttributionLayer:
    """The layer that says whose call it is; inside of that which recognises callers, whom ``principal`` tells."""
    return AttributionLayer(lambda: principal().name)


def serve_change_log(server: Server, database: Database) -> None:
    """Adds the service to ``server``, which names it among what it serves."""
    servicer = ChangeLogServicer(SqlChangeLog(database))
    change_log_service_pb2_grpc.add_ChangeLogServiceServicer_to_server(servicer, server.grpc)
