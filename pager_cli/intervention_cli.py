"""``pagerctl snooze``, ``escalate`` and ``reassign``: what a person does about an incident by hand."""

# ruff: noqa: PLC0415 - `pagerctl --help` must be instant, so gRPC is imported by the commands that need it

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from pager_cli import options as opt
from pager_cli.durations import parse_duration
from pager_cli.peer import Peer
from pager_cli.running import run

By = Annotated[
    str, typer.Option(metavar="WHO", callback=opt.somebody, help="Who asks for it; you, if your key says so.")
]
Incident = Annotated[str, typer.Option(metavar="ID", help="The incident meant; the open one if not given.")]

_LONGEST = timedelta(days=36500)
_LONGEST_LOOK = 3.0
"""Seconds."""


def pager_at(target: str, timeout: float) -> Peer:
    """The pager as a peer."""
    return Peer("pager", target, "--target", timeout)


def a_duration(option: str, written: str) -> timedelta:
    """The duration that was given with ``option``."""
    try:
        span = parse_duration(written)
    except ValueError as error:
        raise typer.BadParameter(f"{option} {error}") from error
    # The pager has limits of its own; this one keeps what is counted with it within the calendar.
    if span > _LONGEST:
        raise typer.BadParameter(f"{option} must be at most {_LONGEST.days}d")
    return span


def a_moment(option: str, written: str, now: datetime) -> datetime:
    """The moment that was given with ``option``, in UTC: ``now+2h``, or a time, a local one without a zone."""
    from pager_cli.moments import parse_moment

    try:
        return parse_moment(written, now)
    except ValueError as error:
        raise typer.BadParameter(f"{option} {error}") from error


def snooze(
    service: opt.Service,
    by: By = "",
    for_: Annotated[str, typer.Option("--for", metavar="DURATION", help="So long, like 45m or 4h; 1m to 24h.")] = "",
    until: Annotated[
        str, typer.Option(metavar="TIME", help="Until then: 2026-03-01T15:30 in local time, or now+1h.")
    ] = "",
    incident: Incident = "",
    note: Annotated[str, typer.Option(metavar="TEXT", help="Why.")] = "",
    request_id: opt.RequestId = "",
    target: opt.Target = opt.DEFAULT_TARGET,
    timeout: opt.Timeout = opt.DEFAULT_TIMEOUT,
    json: opt.AsJson = False,
) -> int:
    """Put an incident off: nobody is paged until then.

    If the service is not healthy by then, paging goes on. An acknowledged incident is open again then.
    """
    from pager_cli.interventions import snooze as command

    if bool(for_) == bool(until):
        raise typer.BadParameter("give --for or --until, one of them")
    end = a_duration("--for", for_) if for_ else a_moment("--until", until, datetime.now(UTC))
    return run(
        command(
            pager_at(target, timeout),
            service,
            by=by,
            end=end,
            incident_id=incident,
            note=note,
            request_id=request_id,
            as_machine=json,
        )
    )


def escalate(
    service: opt.Service,
    by: By = "",
    incident: Incident = "",
    request_id: opt.RequestId = "",
    target: opt.Target = opt.DEFAULT_TARGET,
    timeout: opt.Timeout = opt.DEFAULT_TIMEOUT,
    json: opt.AsJson = False,
) -> int:
    """Page the next level now, also if somebody has acknowledged."""
    from pager_cli.interventions import escalate as command

    peer = pager_at(target, timeout)
    return run(command(peer, service, by=by, incident_id=incident, request_id=request_id, as_machine=json))


def reassign(
    service: opt.Service,
    by: By = "",
    policy: Annotated[str, typer.Option(metavar="ID", help="To this escalation policy.")] = "",
    person: Annotated[str, typer.Option(metavar="ID", help="To this person.")] = "",
    incident: Incident = "",
    request_id: opt.RequestId = "",
    target: opt.Target = opt.DEFAULT_TARGET,
    policy_target: opt.PolicyTarget = opt.DEFAULT_POLICY_TARGET,
    timeout: opt.Timeout = opt.DEFAULT_TIMEOUT,
    json: opt.AsJson = False,
) -> int:
    """Give an incident to others, who are paged now.

    The policy service is asked first whether there is such a policy or person; where it cannot be asked, that is said.
    """
    from pager_cli.interventions import reassign as command
    from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

    if bool(policy) == bool(person):
        raise typer.BadParameter("give --policy or --person, one of them")
    whom = pb.Assignee(policy_id=policy) if policy else pb.Assignee(person_id=person)
    # Who is in a hurry does not wait long for an answer that can be done without.
    asked = Peer("policy service", policy_target, "--policy-target", min(timeout, _LONGEST_LOOK))
    return run(
        command(
            pager_at(target, timeout),
            asked,
            service,
            by=by,
            assigned_to=whom,
            incident_id=incident,
            request_id=request_id,
            as_machine=json,
        )
    )
