"""The three writes: raise, acknowledge, healthy."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast

from pager_cli.connection import pager_at
from pager_cli.outcome import USAGE, CommandFailed
from pager_cli.output import as_json, print_json, print_line
from pager_cli.peer import Peer
from pager_cli.words import one_line
from pager_grpc.client.alerts import Severity

_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
"""And other signs for a terminal, which what a program wrote is full of, and the pager does not take."""
_MOST_BYTES = 16 * 1024 * 1024
"""Of a file; some, like /dev/zero, have no end."""


def text_of(argument: str) -> str:
    """``argument`` itself, the content of a file for ``@file``, or standard input for ``-``.

    Raises:
        CommandFailed: the file cannot be read, is not UTF-8 text, or is larger than any that is taken.
    """
    if argument != "-" and not argument.startswith("@"):
        return argument
    name = argument.removeprefix("@")
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
    async with pager_at(peer) as pager:
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
