"""A server that is slow to shake hands is still reached."""

import asyncio
from contextlib import asynccontextmanager

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb


@asynccontextmanager
async def behind_a_slow_handshake(address, seconds):
    """Yields an address that leads to ``address`` after a pause in each new connection."""
    host, _, port = address.rpartition(":")

    async def pass_on(reader, writer):
        while received := await reader.read(65536):
            writer.write(received)
            await writer.drain()
        writer.close()

    async def connected(reader, writer):
        await asyncio.sleep(seconds)
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pass_on(reader, far_writer), pass_on(far_reader, writer), return_exceptions=True)

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_a_read_waits_for_a_slow_handshake(pagerctl, pager):
    pager.script.answers("ListMonitoredServices", pb.ListMonitoredServicesResponse())
    async with behind_a_slow_handshake(pagerctl.environment["PAGERCTL_TARGET"], seconds=0.7) as address:
        done = await pagerctl("services", "--target", address)
    assert (done.code, done.out) == (0, "no services yet\n")
