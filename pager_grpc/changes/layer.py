"""The layer around calls that change something: it says who asked for it, and by which call."""

# grpc's classes are generic for the type checker only; annotations must not be evaluated.
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pager_domain.changes.model import Attribution
from pager_grpc.changes.attribution import attributed_to
from pager_grpc.runtime.rpc_boundary import Context, RpcLayer, StreamCall, UnaryCall

_VERBS = ("Create", "Update", "Delete", "Apply", "Request", "Answer", "Verify", "Revoke", "Rotate")


class AttributionLayer(RpcLayer):
    """It wraps only methods whose verb changes a configuration: alerts and acknowledgements pay nothing for it.

    ``principal_name`` is asked inside of the call, so whoever recognises callers must be an outer layer.
    """

    def __init__(self, principal_name: Callable[[], str]) -> None:
        self._principal_name = principal_name

    def unary(self, method: str, call: UnaryCall) -> UnaryCall:
        """``call``, attributed if it changes something."""
        if not method.rpartition("/")[2].startswith(_VERBS):
            return call

        async def attributed(request: Any, context: Context) -> Any:
            request_id = getattr(request, "request_id", "")
            with attributed_to(Attribution(self._principal_name(), method, request_id)):
                return await call(request, context)

        return attributed

    def stream(self, method: str, call: StreamCall) -> StreamCall:
        """``call``: no stream changes a configuration."""
        return call
