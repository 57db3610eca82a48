"""grpc.aio and nothing else: `python -m bench.servers.bare_echo`."""

import asyncio

import grpc

from bench.servers.empty_call import add_empty_call, tell_port
from pager_grpc.runtime.signals import until_signalled


async def main() -> None:
    """Serves the empty call without any interceptor until SIGTERM."""
    server = grpc.aio.server()
    add_empty_call(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    tell_port(port)
    await until_signalled()
    await server.stop(1)


if __name__ == "__main__":
    asyncio.run(main())
