"""Opens the way to a server for the length of one command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# calls comes before grpc: it silences grpc's own diagnostics.
from pager_cli.calls import Caller, CallFailed, Peer  # isort: skip
import grpc

from pager_cli.sentences import command_failed
from pager_grpc.runtime.channels import open_channel


@asynccontextmanager
async def connected(peer: Peer) -> AsyncIterator[tuple[grpc.aio.Channel, Caller]]:
    """A channel to ``peer`` for its stub, and the caller of the stub's methods.

    Raises:
        CommandFailed: a call failed and the body did not care.
    """
    try:
        async with open_channel(peer.target) as channel:
            yield channel, Caller(peer)
    except CallFailed as failed:
        raise command_failed(failed) from failed
