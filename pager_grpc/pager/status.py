"""What a pager adds to its status: what is under way, and the numbers of its audit and its canary."""

from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from prometheus_client import CollectorRegistry

from pager_domain.pager.backlog import Backlog, IncidentStage, PageStage
from pager_domain.pager.ports.backlogs import Backlogs
from pager_grpc.gen.status.v1 import status_service_pb2 as pb

AUDIT = "pager_audit_last_pass_timestamp_seconds"
BROKEN = "pager_promises_broken_total"
CANARY = "pager_canary_last_success_timestamp_seconds"


class PagingStatus:
    """Reads the numbers where ``/metrics`` reads them, so that the two never disagree."""

    def __init__(self, backlogs: Backlogs, registry: CollectorRegistry) -> None:
        self._backlogs = backlogs
        self._registry = registry

    async def add(self, status: pb.Status) -> None:
        """What is under way now.

        Raises:
            StoreUnavailable: it cannot be known.
        """
        paging = status.paging
        samples = [sample for family in self._registry.collect() for sample in family.samples]
        last = {sample.name: sample.value for sample in samples if sample.name in (AUDIT, CANARY)}
        if AUDIT in last:
            broken = sum(sample.value for sample in samples if sample.name == BROKEN)
            paging.audit.CopyFrom(pb.Audit(pass_time=_time_of(last[AUDIT]), broken_promise_count=int(broken)))
        if CANARY in last:
            paging.canary.CopyFrom(pb.Canary(success_time=_time_of(last[CANARY])))
        paging.backlog.CopyFrom(backlog_pb(await self._backlogs.look()))


def backlog_pb(backlog: Backlog) -> pb.Backlog:
    """As it is said on the wire."""
    incidents = backlog.incidents
    return pb.Backlog(
        due_page_count=backlog.pages_in(PageStage.DUE),
        in_flight_page_count=backlog.pages_in(PageStage.IN_FLIGHT),
        postponed_page_count=backlog.pages_in(PageStage.POSTPONED),
        later_page_count=backlog.pages_in(PageStage.LATER),
        in_doubt_page_count=backlog.in_doubt,
        oldest_page_age=_duration_of(backlog.oldest),
        due_level_count=backlog.levels_due,
        oldest_level_age=_duration_of(backlog.latest),
        open_incident_count=incidents.get(IncidentStage.OPEN, 0),
        held_incident_count=incidents.get(IncidentStage.HELD, 0),
        exhausted_incident_count=incidents.get(IncidentStage.EXHAUSTED, 0),
        acknowledged_incident_count=incidents.get(IncidentStage.ACKNOWLEDGED, 0),
        truncated=not backlog.complete,
    )


def _duration_of(span: timedelta | None) -> Duration | None:
    if span is None:
        return None
    duration = Duration()
    duration.FromTimedelta(span)
    return duration


def _time_of(seconds: float) -> Timestamp | None:
    """None for 0, which means never."""
    if not seconds:
        return None
    moment = Timestamp()
    moment.FromDatetime(datetime.fromtimestamp(seconds, UTC))
    return moment
