"""Who would be paged, and why somebody was or was not."""

from datetime import UTC, datetime, timedelta

from pager_cli.assignees import unknown_to
from pager_cli.connection import connected
from pager_cli.explanation import explained, is_named, next_page_line, was_paged
from pager_cli.incidents import incident_named, timeline_of
from pager_cli.moments import full_time
from pager_cli.outcome import REFUSED, CommandFailed
from pager_cli.output import Styled, as_json, print_json, print_line
from pager_cli.peer import Peer
from pager_cli.preview import print_preview
from pager_cli.running import complain
from pager_cli.times import read_moment, stamp
from pager_cli.words import one_line
from pager_grpc.client.calling import Caller
from pager_grpc.client.errors import PagerError
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1.pager_service_pb2_grpc import PagerServiceStub


async def preview(
    peer: Peer,
    service: str,
    *,
    severity: str,
    at: str,
    acknowledged_after: timedelta | None,
    as_machine: bool,
) -> None:
    """Prints every page that an alert would cause ``at`` some moment, with its own, its way and its reason."""
    request = pb.PreviewEscalationRequest(
        monitored_service_id=service, severity=pb.Incident.Severity.Value(f"SEVERITY_{severity.upper()}")
    )
    if at != "now":
        request.at_time.CopyFrom(stamp(read_moment("--at", at, None, datetime.now(UTC))))
    if acknowledged_after is not None:
        request.acknowledge_after.FromTimedelta(acknowledged_after)
    async with connected(peer) as (channel, caller):
        answer = await caller.read(PagerServiceStub(channel).PreviewEscalation, request)
    if as_machine:
        print_json(as_json(answer))
        return
    print_preview(answer)
    if not answer.completed:
        complain(f"only the first {len(answer.pages)} pages are shown")


async def explain(peer: Peer, policy: Peer, name: str, *, person: str, as_machine: bool) -> None:
    """Prints why the incident paged whom it paged, or why ``person`` was, or was not.

    Raises:
        CommandFailed: the timeline does not name that person, and the policy service does not know it.
    """
    async with connected(peer) as (channel, caller):
        stub = PagerServiceStub(channel)
        incident = await incident_named(stub, caller, name)
        events = await timeline_of(stub, caller, incident.incident_id)
        if person and not is_named(events, person):
            await _refuse_stranger(policy, person)
        later = await _would_have(stub, caller, incident, person) if person else None
    lines = explained(events, person)
    if as_machine:
        told = [{"time": line.moment.ToJsonString(), "sentence": line.sentence} for line in lines]
        print_json({"incident": as_json(incident), "paged": was_paged(events, person), "lines": told, "later": later})
        return
    if person:
        verdict = "was paged" if was_paged(events, person) else "was not paged"
        print_line(Styled(f"{one_line(person)} {verdict} by incident {incident.incident_id}", "bold"))
    for line in lines:
        print_line(Styled(full_time(line.moment), "dim"), f"  {line.sentence}")
    if later:
        print_line(later)


async def _refuse_stranger(policy: Peer, person: str) -> None:
    try:
        unknown = await unknown_to(policy, pb.Assignee(person_id=person))
    except CommandFailed:
        return  # that nobody of that name was paged is true all the same
    if unknown:
        raise CommandFailed(REFUSED, f"{unknown}; and nothing of that name is in the timeline")


async def _would_have(stub: PagerServiceStub, caller: Caller, incident: pb.Incident, person: str) -> str | None:
    answered = incident.acknowledge_time if incident.HasField("acknowledge_time") else incident.resolve_time
    if not (incident.HasField("acknowledge_time") or incident.HasField("resolve_time")):
        return None
    request = pb.PreviewEscalationRequest(
        monitored_service_id=incident.monitored_service_id, severity=incident.severity, at_time=incident.open_time
    )
    try:
        preview = await caller.read(stub.PreviewEscalation, request)
    except PagerError as failed:
        complain(f"what would have come later is not known: {failed.fault.message}")
        return None
    return next_page_line(preview.pages, person, answered)
