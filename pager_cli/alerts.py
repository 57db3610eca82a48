"""The three writes: raise, acknowledge, healthy."""

import sys
import uuid
from collections.abc import Sequence
from pathlib import Path

from pager_cli.calls import Peer
from pager_cli.connection import connected
from pager_cli.outcome import USAGE, CommandFailed
from pager_cli.output import as_json, print_json, print_line
from pager_cli.words import one_line
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1.pager_service_pb2_grpc import PagerServiceStub


def text_of(argument: str) -> str:
    """``argument`` itself, the content of a file for ``@file``, or standard input for ``-``.

    Raises:
        CommandFailed: the file cannot be read, or is not UTF-8 text.
    """
    if argument != "-" and not argument.startswith("@"):
        return argument
    name = argument.removeprefix("@")
    try:
        content = sys.stdin.buffer.read() if argument == "-" else Path(name).read_bytes()
        return content.decode()
    except OSError as error:
        raise CommandFailed(USAGE, f"{name!r} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandFailed(USAGE, f"{name!r} is not UTF-8 text") from error


async def raise_alert(
    peer: Peer,
    service: str,
    message: str,
    *,
    severity: str,
    details: str,
    links: Sequence[str],
    dedup_key: str,
    request_id: str,
    as_machine: bool,
) -> None:
    """Says that ``service`` is broken and prints what that did."""
    request = pb.RaiseAlertRequest(
        monitored_service_id=service,
        message=message,
        severity=pb.Incident.Severity.Value(f"SEVERITY_{severity.upper()}"),
        dedup_key=dedup_key,
        details=text_of(details),
        links=[pb.Link(url=url) for url in links],
        request_id=request_id or str(uuid.uuid4()),
    )
    async with connected(peer) as (channel, caller):
        answer = await caller.write(PagerServiceStub(channel).RaiseAlert, request)
    if as_machine:
        print_json(as_json(answer))
    elif answer.opened:
        print_line(f"{one_line(service)} is unhealthy: incident {answer.incident.incident_id} opened")
    else:
        print_line(
            f"{one_line(service)} is unhealthy: incident {answer.incident.incident_id} goes on, "
            f"it has taken {answer.alert_count} alerts"
        )


async def acknowledge(
    peer: Peer, service: str, *, by: str, incident_id: str, note: str, request_id: str, as_machine: bool
) -> None:
    """Says that ``by`` has it and prints whose it is now."""
    request = pb.AcknowledgeRequest(
        monitored_service_id=service,
        incident_id=incident_id,
        acknowledged_by=by,
        note=note,
        request_id=request_id or str(uuid.uuid4()),
    )
    async with connected(peer) as (channel, caller):
        answer = await caller.write(PagerServiceStub(channel).Acknowledge, request)
    if as_machine:
        print_json(as_json(answer))
        return
    owner = one_line(answer.incident.acknowledged_by)
    how = "acknowledged by" if answer.acknowledged else "had been acknowledged before by"
    print_line(f"incident {answer.incident.incident_id} of {one_line(service)} {how} {owner}")


async def mark_healthy(peer: Peer, service: str, *, request_id: str, as_machine: bool) -> None:
    """Says that ``service`` is fine again and prints whether that changed anything."""
    request = pb.MarkHealthyRequest(monitored_service_id=service, request_id=request_id or str(uuid.uuid4()))
    async with connected(peer) as (channel, caller):
        answer = await caller.write(PagerServiceStub(channel).MarkHealthy, request)
    if as_machine:
        print_json(as_json(answer))
    elif answer.resolved:
        print_line(f"{one_line(service)} is healthy again: incident {answer.incident.incident_id} resolved")
    else:
        print_line(f"{one_line(service)} was healthy already")
