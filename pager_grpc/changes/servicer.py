"""``changes.v1.ChangeLogService``, as every room serves it: request to values, port, response."""

# ruff: noqa: N802 - the contract names the methods

from typing import Any

from pager_domain.changes.ports.change_log import ChangeLog
from pager_grpc.changes import wire
from pager_grpc.gen.changes.v1 import change_log_service_pb2 as pb
from pager_grpc.gen.changes.v1 import change_log_service_pb2_grpc as pb_grpc
from pager_grpc.runtime.page_tokens import page_size_of

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["ChangeLogService"].full_name


class ChangeLogServicer(pb_grpc.ChangeLogServiceServicer):
    """Domain errors pass through; the server's boundary writes them."""

    def __init__(self, change_log: ChangeLog) -> None:
        self._change_log = change_log

    async def ListChangeRecords(
        self, request: pb.ListChangeRecordsRequest, context: Any
    ) -> pb.ListChangeRecordsResponse:
        """A page; one more than shown is read, to know whether there is another page."""
        page_size = page_size_of(request.page_size)
        before = wire.before_from(request.page_token)
        return wire.page_to(await self._change_log.newest(wire.asked_from(request), page_size + 1, before), page_size)
