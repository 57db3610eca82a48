"""What a person does about an incident by hand: snooze it, escalate it, give it to others."""

import uuid
from datetime import UTC, datetime, timedelta

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pager_cli.assignees import refuse_unknown
from pager_cli.connection import pager_for
from pager_cli.moments import full_time
from pager_cli.output import as_json, print_json, print_line
from pager_cli.peer import Peer
from pager_cli.timeline_silence import assignee_words
from pager_cli.words import one_line
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb


def request_id_or_new(request_id: str) -> str:
    """``request_id``, or one of its own for this call."""
    return request_id or str(uuid.uuid4())


def timestamp_of(moment: datetime) -> Timestamp:
    """``moment`` on the wire."""
    timestamp = Timestamp()
    timestamp.FromDatetime(moment.astimezone(UTC))
    return timestamp


def duration_of(span: timedelta) -> Duration:
    """``span`` on the wire."""
    duration = Duration()
    duration.FromTimedelta(span)
    return duration


async def snooze(
    peer: Peer,
    service: str,
    *,
    by: str,
    end: timedelta | datetime,
    incident_id: str,
    note: str,
    request_id: str,
    as_machine: bool,
) -> None:
    """Puts the open incident of ``service`` off and prints until when."""
    async with pager_for(peer, service) as pager:
        answer = await pager.snooze(service, end, by=by, incident_id=incident_id, note=note, request_id=request_id)
    if as_machine:
        print_json(as_json(answer))
        return
    # A repeat of an old call may find the snooze over.
    incident = answer.incident
    until = full_time(incident.hold_end_time) if incident.HasField("hold_end_time") else "a moment that has passed"
    print_line(f"incident {incident.incident_id} of {one_line(service)} is snoozed until {until}")


async def escalate(peer: Peer, service: str, *, by: str, incident_id: str, request_id: str, as_machine: bool) -> None:
    """Makes the next level of the open incident of ``service`` due at once."""
    async with pager_for(peer, service) as pager:
        answer = await pager.escalate(service, by=by, incident_id=incident_id, request_id=request_id)
    if as_machine:
        print_json(as_json(answer))
    else:
        print_line(f"incident {answer.incident.incident_id} of {one_line(service)}: the next level is due now")


async def reassign(
    peer: Peer,
    policy: Peer,
    service: str,
    *,
    by: str,
    assigned_to: pb.Assignee,
    incident_id: str,
    request_id: str,
    as_machine: bool,
) -> None:
    """Gives the open incident of ``service`` to a policy or a person that the service ``policy`` knows."""
    await refuse_unknown(policy, assigned_to)
    async with pager_for(peer, service) as pager:
        answer = await pager.reassign(service, assigned_to, by=by, incident_id=incident_id, request_id=request_id)
    if as_machine:
        print_json(as_json(answer))
        return
    whom = assignee_words(assigned_to)
    print_line(f"incident {answer.incident.incident_id} of {one_line(service)} is given to {whom} and is due now")
