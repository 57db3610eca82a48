"""The three writes: raise, acknowledge, healthy."""

import re
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

from pager_cli.connection import pager_at, pager_for
from pager_cli.moments import full_time
from pager_cli.outcome import USAGE, CommandFailed
from pager_cli.output import as_json, print_json, print_line
from pager_cli.peer import Peer
from pager_cli.timeline import severity_word
from pager_cli.words import one_line
from pager_grpc.client.alerts import Severity
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
"""And other signs for a terminal, which what a program wrote is full of, and the pager does not take."""
_MOST_BYTES = 16 * 1024 * 1024
"""Of a file; some, like /dev/zero, have no end."""


def text_of(argument: str) -> str:
    """``argument`` itself, the content of a file for ``@file``, or standard input for ``-``.

    Raises:
        CommandFailed: no file is named, or it cannot be read, is not UTF-8 text, or is larger than any that is taken.
    """
    if argument != "-" and not argument.startswith("@"):
        return argument
    name = argument.removeprefix("@")
    if not name:
        raise CommandFailed(USAGE, "the name of a file must not be empty; - is standard input")
    try:
        if argument == "-":
            return _text_in(sys.stdin.buffer, "standard input")
        with Path(name).open("rb") as file:
            return _text_in(file, repr(name))
    except OSError as error:
        raise CommandFailed(USAGE, f"{name!r} cannot be read: {error.strerror}") from error


def _text_in(stream: BinaryIO, place: str) -> str:
    content = stream.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise CommandFailed(USAGE, f"{place} is larger than {_MOST_BYTES // 1024**2} MiB")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise CommandFailed(USAGE, f"{place} is not UTF-8 text") from error


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
    text = _COLOURS.sub("", text_of(details))
    async with pager_at(peer) as pager:
        answer = await pager.raise_alert(
            service,
            message,
            severity=cast("Severity", severity),
            details=text,
            links=links,
            dedup_key=dedup_key,
            request_id=request_id,
        )
    if as_machine:
        print_json(as_json(answer))
        return
    incident = answer.incident
    done = "opened" if answer.opened else f"goes on, it has taken {answer.alert_count} alerts"
    kept = severity_word(incident.severity)
    parts = [
        done,
        *([] if answer.opened or severity == kept else [f"its severity stays {kept}"]),
        *_silence(answer, datetime.now(UTC)),
    ]
    print_line(f"{one_line(service)} is unhealthy: incident {incident.incident_id} {'; '.join(parts)}")


def _silence(answer: pb.RaiseAlertResponse, now: datetime) -> Iterator[str]:
    """Why nobody is paged for an alert, and until when; nothing if its incident pages now."""
    incident = answer.incident
    if incident.state == pb.Incident.STATE_ACKNOWLEDGED:
        yield f"nobody is paged for it, {one_line(incident.acknowledged_by)} has it"
    if incident.HasField("hold_end_time"):
        window = incident.maintenance_window_id
        why = f"maintenance window {one_line(window)}" if window else "snoozed"
        yield f"nobody is paged before {full_time(incident.hold_end_time)} ({why})"
    elif incident.state == pb.Incident.STATE_OPEN and not answer.opened:
        yield _waiting(incident, now)


def _waiting(incident: pb.Incident, now: datetime) -> str:
    if not incident.HasField("next_escalation_time"):
        return "nobody is paged for it"
    # An alert that continues the incident of before may have made a level due.
    if incident.next_escalation_time.ToDatetime(tzinfo=UTC) <= now:
        return "its next level is due now"
    return f"nobody is paged for it, its next level is due at {full_time(incident.next_escalation_time)}"


async def acknowledge(
    peer: Peer, service: str, *, by: str, incident_id: str, note: str, request_id: str, as_machine: bool
) -> None:
    """Says that ``by`` has it and prints whose it is now."""
    async with pager_for(peer, service) as pager:
        answer = await pager.acknowledge(service, by=by, incident_id=incident_id, note=note, request_id=request_id)
    if as_machine:
        print_json(as_json(answer))
        return
    owner = one_line(answer.incident.acknowledged_by)
    how = "acknowledged by" if answer.acknowledged else "had been acknowledged before by"
    print_line(f"incident {answer.incident.incident_id} of {one_line(service)} {how} {owner}")


async def mark_healthy(peer: Peer, service: str, *, request_id: str, as_machine: bool) -> None:
    """Says that ``service`` is fine again and prints whether that changed anything."""
    async with pager_at(peer) as pager:
        answer = await pager.mark_healthy(service, request_id=request_id)
    if as_machine:
        print_json(as_json(answer))
    elif answer.resolved:
        print_line(f"{one_line(service)} is healthy again: incident {answer.incident.incident_id} resolved")
    else:
        print_line(f"{one_line(service)} was healthy already")
