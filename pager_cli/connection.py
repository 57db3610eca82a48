"""Opens the way to a server for the length of one command."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from pager_cli.credentials import api_key_for
from pager_cli.peer import Peer
from pager_cli.running import complain
from pager_cli.sentences import command_failed
from pager_grpc.client.calling import Caller
from pager_grpc.client.endpoints import Credentials, open_endpoints
from pager_grpc.client.errors import PagerError
from pager_grpc.client.pager_client import PagerClient


@asynccontextmanager
async def connected(peer: Peer) -> AsyncIterator[tuple[grpc.aio.Channel, Caller]]:
    """A channel to ``peer`` for its stub, and the caller of the stub's methods.

    Raises:
        CommandFailed: a call failed and the body did not care.
    """
    try:
        async with open_endpoints(peer.target, Credentials(api_key_for(peer))) as endpoints:
            yield endpoints.channel, Caller(endpoints, peer.timeout, lambda: _waits(peer))
    except PagerError as failed:
        raise command_failed(peer, failed) from failed


@asynccontextmanager
async def pager_at(peer: Peer) -> AsyncIterator[PagerClient]:
    """The pager at ``peer``.

    Raises:
        CommandFailed: a call failed and the body did not care.
    """
    try:
        key = api_key_for(peer)
        async with PagerClient(peer.target, api_key=key, timeout=peer.timeout, waits=lambda: _waits(peer)) as pager:
            yield pager
    except PagerError as failed:
        raise command_failed(peer, failed) from failed


def _waits(peer: Peer) -> None:
    if sys.stderr.isatty():
        complain(f"{peer.target} has not answered yet; trying again")
