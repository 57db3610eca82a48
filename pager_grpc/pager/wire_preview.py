"""Previews: wire to values and back. Pure."""

from datetime import datetime, timedelta

from google.protobuf.duration_pb2 import Duration

from pager_domain.errors import InvalidField
from pager_domain.kernel import MonitoredServiceId, checked_id
from pager_domain.pager.events import Alert
from pager_domain.pager.preview import MAX_ACKNOWLEDGED_AFTER, Preview, PreviewedPage, PreviewRequest
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.pager.wire import moment_of, severity_of, timestamp_pb
from pager_grpc.pager.wire_events import event_pb, planned_target_pb
from pager_grpc.runtime.page_tokens import PAGE_BYTES, fitting

_LIMIT = "must be 0 to 7 days"


def preview_request_of(message: pb.PreviewEscalationRequest, now: datetime) -> PreviewRequest:
    """What is asked; of the moment ``now`` unless another one is said."""
    service = MonitoredServiceId(checked_id("monitored_service_id", message.monitored_service_id))
    at = moment_of("at_time", message.at_time) if message.HasField("at_time") else now
    after = _span_of(message.acknowledge_after) if message.HasField("acknowledge_after") else None
    return PreviewRequest(service, Alert("preview", severity_of(message.severity)), at, after)


def preview_pb(preview: Preview) -> pb.PreviewEscalationResponse:
    """What would happen, as much of it as clients of gRPC take."""
    pages = fitting(map(_page_pb, preview.pages), PAGE_BYTES // 2)
    events = fitting(map(event_pb, preview.events), PAGE_BYTES // 2)
    is_whole = len(pages) == len(preview.pages) and len(events) == len(preview.events)
    return pb.PreviewEscalationResponse(pages=pages, events=events, completed=preview.complete and is_whole)


def _page_pb(page: PreviewedPage) -> pb.PreviewEscalationResponse.PreviewedPage:
    return pb.PreviewEscalationResponse.PreviewedPage(
        page_time=timestamp_pb(page.at), cycle=page.cycle, level=page.level, target=planned_target_pb(page.target)
    )


def _span_of(span: Duration) -> timedelta:
    # A Duration can hold what no timedelta can.
    if not 0 <= span.seconds <= MAX_ACKNOWLEDGED_AFTER.total_seconds():
        raise InvalidField("acknowledge_after", _LIMIT)
    return span.ToTimedelta()
