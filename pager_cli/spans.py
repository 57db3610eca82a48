"""Spans of time: short ones in words, others measured by the clock of whoever told of both ends."""

from datetime import UTC, timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from pager_grpc.gen.status.v1 import status_service_pb2 as pb


def milliseconds(span: timedelta) -> str:
    """``1.2 ms``."""
    return f"{span / timedelta(milliseconds=1):.1f} ms"


def since(moment: Timestamp, status: pb.Status) -> timedelta:
    """How long before the status ``moment`` was, by the clock of the process that told both."""
    return status.status_time.ToDatetime(UTC) - moment.ToDatetime(UTC)
