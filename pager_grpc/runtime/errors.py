"""Domain errors to ``google.rpc.Status`` and back: the one door between the two.

A room hands over an :class:`ErrorTable`; the rpc boundary writes errors with it, and a client reads them as
:class:`RpcFault`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf import message as protobuf_message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from pager_domain.errors import DomainError, InvalidField

DOMAIN = "hexagonal-pager"
INTERNAL_TEXT = "internal error; the server's log has the details under this request's id"

ErrorTable = Mapping[type[DomainError], tuple[grpc.StatusCode, str]]
"""For each domain error of a room: the gRPC code and the name of a value of the room's ``ErrorReason``."""


def status_of(error: DomainError, table: ErrorTable) -> status_pb2.Status:
    """``error`` as it goes over the wire: code, sentence, ErrorInfo and what belongs beside it."""
    code, reason = table[type(error)]
    details = [_packed(error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata=error.metadata))]
    if isinstance(error, InvalidField):
        violation = error_details_pb2.BadRequest.FieldViolation(field=error.field, description=error.limit)
        details.append(_packed(error_details_pb2.BadRequest(field_violations=[violation])))
    retry_after: timedelta | None = getattr(error, "retry_after", None)
    if retry_after is not None:
        delay = duration_pb2.Duration()
        delay.FromTimedelta(retry_after)
        details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
    return status_pb2.Status(code=code.value[0], message=str(error), details=details)


@dataclass(frozen=True, slots=True)
class RpcFault:
    """A failed call as its client sees it. ``reason`` is empty when the peer did not say one."""

    code: grpc.StatusCode
    message: str
    reason: str
    metadata: Mapping[str, str]
    retry_after: timedelta | None


def fault_of(error: grpc.RpcError) -> RpcFault:
    """What a failed call says; understands answers of foreign servers too."""
    code, message = error.code(), error.details() or ""
    info = error_details_pb2.ErrorInfo()
    retry = error_details_pb2.RetryInfo()
    retry_after = None
    for detail in _details_of(error):
        try:
            if not detail.Unpack(info) and detail.Unpack(retry):
                retry_after = retry.retry_delay.ToTimedelta()
        except (protobuf_message.DecodeError, ValueError, OverflowError):
            continue  # a detail that makes no sense says nothing
    return RpcFault(code, message, info.reason, dict(info.metadata), retry_after)


def _details_of(error: grpc.RpcError) -> list[any_pb2.Any]:
    try:
        status = rpc_status.from_call(error)  # type: ignore[arg-type]  # an AioRpcError has what a Call needs
    except (ValueError, protobuf_message.DecodeError):  # no details of the status: not one of our servers
        return []
    return list(status.details) if status is not None else []


def _packed(
    message: error_details_pb2.ErrorInfo | error_details_pb2.BadRequest | error_details_pb2.RetryInfo,
) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed
