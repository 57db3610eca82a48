"""The reads of the pager: services, incidents, and one incident with its timeline."""

from collections.abc import Sequence
from datetime import UTC, datetime

import grpc

from pager_cli.connection import connected
from pager_cli.outcome import REFUSED, CommandFailed
from pager_cli.output import as_json, print_json, print_line
from pager_cli.paging import rows_of
from pager_cli.peer import Peer
from pager_cli.running import complain
from pager_cli.tables import print_incident, print_incidents, print_services
from pager_cli.timeline import timeline_line
from pager_grpc.client.calling import Caller
from pager_grpc.client.errors import PagerError
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1.pager_service_pb2_grpc import PagerServiceStub

_RECENT = 5


async def list_services(peer: Peer, *, states: Sequence[str], as_machine: bool) -> None:
    """Prints the services in ``states``; all if empty."""
    wanted = [pb.MonitoredService.State.Value(f"STATE_{state.upper()}") for state in states]
    async with connected(peer) as (channel, caller):
        stub = PagerServiceStub(channel)
        services, _ = await rows_of(
            lambda size, token: caller.read(
                stub.ListMonitoredServices,
                pb.ListMonitoredServicesRequest(states=wanted, page_size=size, page_token=token),
            ),
            lambda answer: answer.monitored_services,
        )
    if as_machine:
        print_json({"monitored_services": [as_json(service) for service in services]})
    elif services:
        print_services(services, datetime.now(UTC))
    else:
        print_line("no services" + (f" are {' or '.join(states)}" if states else " yet"))


async def show_service(peer: Peer, service_id: str, *, as_machine: bool) -> None:
    """Prints one service and its newest incidents."""
    async with connected(peer) as (channel, caller):
        stub = PagerServiceStub(channel)
        request = pb.GetMonitoredServiceRequest(monitored_service_id=service_id)
        service = (await caller.read(stub.GetMonitoredService, request)).monitored_service
        incidents, _ = await incidents_of(stub, caller, service_id, [], _RECENT)
    if as_machine:
        print_json({"monitored_service": as_json(service), "incidents": [as_json(row) for row in incidents]})
        return
    now = datetime.now(UTC)
    print_services([service], now)
    print_line("")
    print_incidents(incidents, now)


async def list_incidents(peer: Peer, *, service: str, states: Sequence[str], limit: int, as_machine: bool) -> None:
    """Prints the newest incidents in ``states``; all states if empty."""
    async with connected(peer) as (channel, caller):
        wanted = [pb.Incident.State.Value(f"STATE_{state.upper()}") for state in states]
        incidents, more = await incidents_of(PagerServiceStub(channel), caller, service, wanted, limit)
    if as_machine:
        print_json({"incidents": [as_json(incident) for incident in incidents]})
    elif incidents:
        print_incidents(incidents, datetime.now(UTC))
    else:
        print_line("no incidents" + (f" are {' or '.join(states)}" if states else " yet"))
    if more:
        complain(f"these are the newest {limit}; a higher --limit shows more")


async def show_incident(peer: Peer, name: str, *, as_machine: bool) -> None:
    """Prints an incident and its timeline. ``name`` is its id, or a service: then its newest incident is meant."""
    async with connected(peer) as (channel, caller):
        stub = PagerServiceStub(channel)
        incident = await incident_named(stub, caller, name)
        events = await timeline_of(stub, caller, incident.incident_id)
    if as_machine:
        print_json({"incident": as_json(incident), "incident_events": [as_json(event) for event in events]})
        return
    print_incident(incident, datetime.now(UTC))
    print_line("")
    for event in events:
        print_line(*timeline_line(event, incident.open_time))


async def timeline_of(stub: PagerServiceStub, caller: Caller, incident_id: str) -> list[pb.IncidentEvent]:
    """Every event of an incident, the oldest first."""
    events, _ = await rows_of(
        lambda size, token: caller.read(
            stub.ListIncidentEvents,
            pb.ListIncidentEventsRequest(incident_id=incident_id, page_size=size, page_token=token),
        ),
        lambda answer: answer.incident_events,
    )
    return events


async def incident_named(stub: PagerServiceStub, caller: Caller, name: str) -> pb.Incident:
    """The incident with that id, or the newest one of the service with that name."""
    try:
        return (await caller.read(stub.GetIncident, pb.GetIncidentRequest(incident_id=name))).incident
    except PagerError as failed:
        if failed.fault.code is not grpc.StatusCode.NOT_FOUND:
            raise
    incidents, _ = await incidents_of(stub, caller, name, [], 1)
    if incidents:
        return incidents[0]
    raise CommandFailed(
        REFUSED,
        f"there is no incident {name!r}, and no service of that name has one; `pagerctl incidents --all` lists them",
    )


async def incidents_of(
    stub: PagerServiceStub, caller: Caller, service: str, states: Sequence[pb.Incident.State.ValueType], limit: int
) -> tuple[list[pb.Incident], bool]:
    """The newest incidents in ``states``, of one service or of all, and whether there are more."""
    return await rows_of(
        lambda size, token: caller.read(
            stub.ListIncidents,
            pb.ListIncidentsRequest(monitored_service_id=service, states=states, page_size=size, page_token=token),
        ),
        lambda answer: answer.incidents,
        limit,
    )
