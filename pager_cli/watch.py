"""The live timeline: every event once, in order, across any number of lost connections."""

import asyncio
import sys
import time
from typing import Any

from pager_cli.calls import CallFailed, Peer, backoff  # isort: skip - silences grpc before it is imported
import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from pager_cli.connection import connected
from pager_cli.output import as_json, print_json, print_line
from pager_cli.running import complain
from pager_cli.timeline import timeline_line
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1.pager_service_pb2_grpc import PagerServiceStub
from pager_grpc.runtime.errors import RpcFault, fault_of

Stream = grpc.aio.UnaryStreamCall[pb.WatchIncidentsRequest, pb.WatchIncidentsResponse]

_LONGEST_PAUSE = 5.0
# The server gives a sign of life every 30 seconds.
_LONGEST_SILENCE = 75.0
_SILENT = RpcFault(grpc.StatusCode.DEADLINE_EXCEEDED, "it fell silent", "", {}, None)
# The other codes say that this watch can never succeed.
_PASSING = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.ABORTED,
)


async def watch(peer: Peer, *, resume_token: str, as_machine: bool) -> None:
    """Prints events until interrupted.

    Raises:
        CommandFailed: the server was never reached within the timeout, or refuses to be watched.
    """
    async with connected(peer) as (channel, _):
        await _Watch(PagerServiceStub(channel), peer, resume_token, as_machine=as_machine).forever()


class _Watch:
    """One watch: the last resume token, and what stderr has been told about the connection."""

    def __init__(self, stub: PagerServiceStub, peer: Peer, resume_token: str, *, as_machine: bool) -> None:
        self._stub = stub
        self._peer = peer
        self._resume_token = resume_token
        self._as_machine = as_machine
        self._reached = False
        self._failures = 0

    async def forever(self) -> None:
        """Follows the stream again whenever it ends."""
        start = time.monotonic()
        while True:
            fault = None
            try:
                await self._follow()
            except (grpc.RpcError, TimeoutError) as error:
                fault = fault_of(error) if isinstance(error, grpc.RpcError) else _SILENT
                if fault.code not in _PASSING or self._given_up(start):
                    raise CallFailed(self._peer, fault) from error
            self._failures += 1
            if self._failures == 1:
                why = f" ({fault.message})" if fault is not None and self._reached else ""
                verb = "lost the connection to" if self._reached else "no answer yet from"
                complain(f"{verb} {self._peer.target}{why}; trying again until it answers")
            await asyncio.sleep(min(backoff(self._failures), _LONGEST_PAUSE))

    def _given_up(self, start: float) -> bool:
        return not self._reached and time.monotonic() - start >= self._peer.timeout

    async def _follow(self) -> None:
        call = self._stub.WatchIncidents(pb.WatchIncidentsRequest(resume_token=self._resume_token))
        try:
            while (response := await self._next(call)) is not grpc.aio.EOF:
                self._answered()
                self._print(response)
                self._resume_token = response.resume_token or self._resume_token
        finally:
            call.cancel()

    async def _next(self, call: Stream) -> Any:
        """The next response, or EOF."""
        async with asyncio.timeout(_LONGEST_SILENCE if self._reached else self._peer.timeout):
            return await call.read()

    def _answered(self) -> None:
        if self._failures and self._reached:
            complain(f"connected to {self._peer.target} again, going on after the last event")
        elif not self._reached and sys.stderr.isatty():
            zone = time.localtime().tm_zone
            complain(f"watching the pager at {self._peer.target}; times are {zone}; Ctrl-C ends")
        self._reached = True
        self._failures = 0

    def _print(self, response: pb.WatchIncidentsResponse) -> None:
        if not response.HasField("incident_event"):
            return
        if self._as_machine:
            print_json(as_json(response), on_one_line=True)
            return
        today = Timestamp()
        today.GetCurrentTime()
        print_line(*timeline_line(response.incident_event, today, with_service=True))
