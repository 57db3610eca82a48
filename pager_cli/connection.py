"""Opens the way to a server for the length of one command."""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TypeVar

import grpc

from pager_cli.credentials import api_key_for
from pager_cli.outcome import REFUSED, CommandFailed
from pager_cli.peer import Peer
from pager_cli.running import complain
from pager_cli.sentences import command_failed
from pager_cli.transport import tls_files, unusable
from pager_grpc.client.calling import Caller
from pager_grpc.client.endpoints import Credentials, open_endpoints
from pager_grpc.client.errors import PagerError
from pager_grpc.client.pager_client import PagerClient
from pager_grpc.client.trace import in_trace

_TRACEPARENT = "TRACEPARENT"
"""What whoever runs a command as a part of a trace sets, by the convention of OpenTelemetry."""

Opened = TypeVar("Opened")


@asynccontextmanager
async def connected(peer: Peer) -> AsyncIterator[tuple[grpc.aio.Channel, Caller]]:
    """A channel to ``peer`` for its stub, and the caller of the stub's methods.

    Raises:
        CommandFailed: a call failed and the body did not care.
    """
    try:
        async with AsyncExitStack() as stack:
            credentials = Credentials(api_key_for(peer), tls_files())
            endpoints = await _entered(stack, open_endpoints(peer.target, credentials, peer.server))
            stack.enter_context(in_trace(os.environ.get(_TRACEPARENT, "")))
            yield endpoints.channel, Caller(endpoints, peer.timeout, lambda: _waits(peer))
    except PagerError as failed:
        raise command_failed(peer, failed) from failed


@asynccontextmanager
async def pager_at(peer: Peer) -> AsyncIterator[PagerClient]:
    """The pager at ``peer``.

    Raises:
        CommandFailed: a call failed and the body did not care.
    """
    client = PagerClient(
        peer.target, api_key=api_key_for(peer), tls=tls_files(), timeout=peer.timeout, waits=lambda: _waits(peer)
    )
    try:
        async with AsyncExitStack() as stack:
            entered = await _entered(stack, client)
            stack.enter_context(in_trace(os.environ.get(_TRACEPARENT, "")))
            yield entered
    except PagerError as failed:
        raise command_failed(peer, failed) from failed


@asynccontextmanager
async def pager_for(peer: Peer, service: str) -> AsyncIterator[PagerClient]:
    """The pager at ``peer``, for what is done to the open incident of ``service``.

    Raises:
        CommandFailed: a call failed and the body did not care.
    """
    async with pager_at(peer) as pager:
        try:
            yield pager
        except PagerError as failed:
            if failed.reason != "ERROR_REASON_INCIDENT_UNKNOWN" or "incident_id" not in failed.metadata:
                raise
            # It may exist all the same: the pager says so of each incident but the open one of the service.
            named = failed.metadata["incident_id"]
            sentence = f"{named!r} is not the open incident of {service!r}; `pagerctl service` shows those of a service"
            raise CommandFailed(REFUSED, sentence) from failed


async def _entered(stack: AsyncExitStack, connection: AbstractAsyncContextManager[Opened]) -> Opened:
    try:
        return await stack.enter_async_context(connection)
    except ValueError as fault:
        raise unusable(fault) from fault


def _waits(peer: Peer) -> None:
    if sys.stderr.isatty():
        complain(f"{peer.target} has not answered yet; trying again")
