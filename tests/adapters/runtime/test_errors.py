from datetime import timedelta

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from pager_domain.errors import InvalidField
from pager_grpc.runtime.errors import fault_of, status_of


class Failed(grpc.RpcError):
    """A failed call with these details in its trailers."""

    def __init__(self, details: bytes, code=grpc.StatusCode.UNAVAILABLE):
        self._details, self._code = details, code

    def code(self):
        return self._code

    def details(self):
        return "said"

    def trailing_metadata(self):
        return ((rpc_status.GRPC_DETAILS_METADATA_KEY, self._details),)


def with_detail(type_name, value):
    detail = Any(type_url=f"type.googleapis.com/{type_name}", value=value)
    return status_pb2.Status(code=14, message="said", details=[detail]).SerializeToString()


@pytest.mark.parametrize(
    "details",
    [
        b"\xff\xff\xff",
        status_pb2.Status(code=3, message="other").SerializeToString(),
        with_detail("google.rpc.ErrorInfo", b"\xff"),
        with_detail("google.rpc.RetryInfo", b"\xff"),
        with_detail(
            "google.rpc.RetryInfo",
            error_details_pb2.RetryInfo(retry_delay={"seconds": 2**62}).SerializeToString(),
        ),
        with_detail("foreign.Thing", b"x"),
    ],
)
def test_details_that_make_no_sense_leave_code_and_message(details):
    fault = fault_of(Failed(details))
    assert (fault.code, fault.message, fault.reason) == (grpc.StatusCode.UNAVAILABLE, "said", "")
    assert fault.retry_after is None


def test_a_retry_time_is_read():
    retry = error_details_pb2.RetryInfo(retry_delay={"seconds": 7})
    details = with_detail("google.rpc.RetryInfo", retry.SerializeToString())
    assert fault_of(Failed(details)).retry_after == timedelta(seconds=7)


def test_an_invalid_field_stands_in_the_details_twice():
    table = {InvalidField: (grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_FIELD")}
    status = status_of(InvalidField("message", "is required"), table)
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(bad)
    assert (info.reason, info.domain) == ("ERROR_REASON_INVALID_FIELD", "hexagonal-pager")
    assert [(v.field, v.description) for v in bad.field_violations] == [("message", "is required")]
