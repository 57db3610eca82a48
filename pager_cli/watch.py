"""The live timeline: every event once, in order, across any number of lost connections."""

import sys
import time

from google.protobuf.timestamp_pb2 import Timestamp

from pager_cli.connection import pager_at
from pager_cli.output import as_json, print_json, print_line
from pager_cli.peer import Peer
from pager_cli.running import complain
from pager_cli.timeline import timeline_line
from pager_grpc.client.watching import Connection
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.runtime.errors import RpcFault


async def watch(peer: Peer, *, resume_token: str, as_machine: bool) -> None:
    """Prints events until interrupted.

    Raises:
        CommandFailed: the server was never reached within the timeout, or refuses to be watched.
    """
    async with pager_at(peer) as pager:
        async for response in pager.watch(resume_token, connection=_ToldConnection(peer.target)):
            _print(response, as_machine=as_machine)


class _ToldConnection(Connection):
    """Says on stderr how the connection fares."""

    def __init__(self, target: str) -> None:
        self._target = target

    def lost(self, fault: RpcFault | None, *, reached: bool) -> None:
        why = f" ({fault.message})" if fault is not None and reached else ""
        verb = "lost the connection to" if reached else "no answer yet from"
        complain(f"{verb} {self._target}{why}; trying again until it answers")

    def made(self, *, again: bool) -> None:
        if again:
            complain(f"connected to {self._target} again, going on after the last event")
        elif sys.stderr.isatty():
            zone = time.localtime().tm_zone
            complain(f"watching the pager at {self._target}; times are {zone}; Ctrl-C ends")


def _print(response: pb.WatchIncidentsResponse, *, as_machine: bool) -> None:
    if not response.HasField("incident_event"):
        return
    if as_machine:
        print_json(as_json(response), on_one_line=True)
        return
    today = Timestamp()
    today.GetCurrentTime()
    print_line(*timeline_line(response.incident_event, today, with_service=True))
