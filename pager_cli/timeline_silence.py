"""The lines of a timeline that tell of silence: who put it off, until when, and what ended that."""

from collections.abc import Callable, Mapping

from pager_cli.moments import clock_time
from pager_cli.words import one_line
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb


def _snoozed(event: pb.IncidentEvent) -> str:
    snoozed = event.snoozed
    note = f': "{one_line(snoozed.note)}"' if snoozed.note else ""
    until = clock_time(snoozed.snooze_end_time, event.event_time)
    return f"snoozed by {one_line(snoozed.snoozed_by)} until {until}{note}"


def _acknowledgement_expired(event: pb.IncidentEvent) -> str:
    who = one_line(event.acknowledgement_expired.acknowledged_by)
    return f"the acknowledgement by {who} has expired: open again"


def _escalated(event: pb.IncidentEvent) -> str:
    return f"escalated by {one_line(event.escalated.escalated_by)}: the next level is due at once"


def assignee_words(assignee: pb.Assignee) -> str:
    """``policy storage`` or ``person ben``."""
    kind = assignee.WhichOneof("assignee")
    if kind is None:
        return "somebody that this pagerctl does not know"
    return f"{kind.removesuffix('_id')} {one_line(getattr(assignee, kind))}"


def _reassigned(event: pb.IncidentEvent) -> str:
    told = event.reassigned
    return f"given to {assignee_words(told.assigned_to)} by {one_line(told.reassigned_by)}"


def _assignee_unknown(event: pb.IncidentEvent) -> str:
    told = event.assignee_unknown
    fault = f" ({one_line(told.fault)})" if told.fault else ""
    return f"nobody knows {assignee_words(told.assigned_to)}{fault}: the former policy has it again"


def _reopened(event: pb.IncidentEvent) -> str:
    told = event.reopened
    due = clock_time(told.next_escalation_time, event.event_time)
    if told.acknowledged_by:
        return f"reopened: {one_line(told.acknowledged_by)} still has it, until {due}"
    return f"reopened: it goes on where it was, next at {due}"


def _held(event: pb.IncidentEvent) -> str:
    until = clock_time(event.held.hold_end_time, event.event_time)
    return f"held until {until} by the maintenance window {one_line(event.held.maintenance_window_id)}"


def _released(event: pb.IncidentEvent) -> str:
    return f"the maintenance window {one_line(event.released.maintenance_window_id)} is gone: due at once"


SENTENCES: Mapping[str, Callable[[pb.IncidentEvent], str]] = {
    "snoozed": _snoozed,
    "acknowledgement_expired": _acknowledgement_expired,
    "escalated": _escalated,
    "reassigned": _reassigned,
    "reopened": _reopened,
    "held": _held,
    "released": _released,
    "assignee_unknown": _assignee_unknown,
}
STYLES = {
    "snoozed": "blue",
    "held": "blue",
    "acknowledgement_expired": "bold red",
    "escalated": "bold yellow",
    "reopened": "bold red",
    "assignee_unknown": "magenta",
}
