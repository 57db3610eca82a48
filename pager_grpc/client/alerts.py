"""Alerts as their raisers write them down, and how they go over the wire."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal, get_args

from google.protobuf.timestamp_pb2 import Timestamp

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

Severity = Literal["critical", "error", "warning", "info"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """That ``service`` is broken. Two with the same ``request_id`` are one; each gets an id of its own unless given."""

    service: str
    message: str
    severity: Severity = "critical"
    details: str = ""
    links: Sequence[str] = ()
    dedup_key: str = ""
    occur_time: datetime | None = None
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        if self.severity not in get_args(Severity):
            raise ValueError(f"severity must be one of {', '.join(get_args(Severity))}, not {self.severity!r}")
        if self.occur_time is not None and self.occur_time.tzinfo is None:
            raise ValueError("occur_time must have a time zone")
        if not self.request_id:
            raise ValueError("request_id must not be empty: without it a repeat would be another alert")

    def request(self) -> pb.RaiseAlertRequest:
        """The alert on the wire."""
        return pb.RaiseAlertRequest(
            monitored_service_id=self.service,
            message=self.message,
            severity=pb.Incident.Severity.Value(f"SEVERITY_{self.severity.upper()}"),
            details=self.details,
            links=[pb.Link(url=url) for url in self.links],
            dedup_key=self.dedup_key,
            occur_time=None if self.occur_time is None else timestamp_of(self.occur_time),
            request_id=self.request_id,
        )

    def unsendable_field(self) -> str:
        """The field, as the contract calls it, whose text has no UTF-8 (half of a surrogate pair); or empty."""
        texts = {
            "monitored_service_id": self.service,
            "message": self.message,
            "details": self.details,
            "dedup_key": self.dedup_key,
            "request_id": self.request_id,
            **{f"links[{place}].url": url for place, url in enumerate(self.links)},
        }
        return next((field for field, text in texts.items() if not _has_utf8(text)), "")


def _has_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def timestamp_of(moment: datetime) -> Timestamp:
    """``moment``, which has a time zone, on the wire."""
    timestamp = Timestamp()
    timestamp.FromDatetime(moment.astimezone(UTC))
    return timestamp
