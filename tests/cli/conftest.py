"""The real pagerctl as a process, and scripted servers for it on ports of their own."""

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc
import pytest
import pytest_asyncio
from cli.scripted_servers import PolicyDictionary, ScriptedNotifier, ScriptedPager

from pager_grpc.gen.notifier.v1.notifier_service_pb2_grpc import add_NotifierServiceServicer_to_server
from pager_grpc.gen.pager.v1.pager_service_pb2_grpc import add_PagerServiceServicer_to_server
from pager_grpc.gen.policy.v1.policy_service_pb2_grpc import add_PolicyServiceServicer_to_server


@dataclass(frozen=True)
class Finished:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Pagerctl:
    """Runs pagerctl against the servers in ``environment``."""

    environment: dict[str, str]
    started: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def __call__(self, *arguments, stdin=b"", **environment):
        process = await self.start(*arguments, **environment)
        out, err = await process.communicate(stdin)
        return Finished(process.returncode, out.decode(), err.decode())

    async def start(self, *arguments, **environment):
        """The running process."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "pager_cli.pagerctl",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **self.environment, **environment},
        )
        self.started.append(process)
        return process

    async def end(self):
        """Leaves no process behind, also when the test failed."""
        for process in self.started:
            if process.returncode is None:
                process.kill()
                await process.communicate()


@asynccontextmanager
async def serving(add, servicer, address="127.0.0.1:0"):
    """Serves ``servicer`` and yields its address."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    add(servicer, server)
    port = server.add_insecure_port(address)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@pytest.fixture
def pager():
    return ScriptedPager()


@pytest.fixture
def policies():
    return PolicyDictionary()


@pytest.fixture
def notifier():
    return ScriptedNotifier()


@pytest_asyncio.fixture
async def pagerctl(pager, policies, notifier):
    """The command with three servers that answer; times are those of Berlin."""
    async with (
        serving(add_PagerServiceServicer_to_server, pager) as target,
        serving(add_PolicyServiceServicer_to_server, policies) as policy_target,
        serving(add_NotifierServiceServicer_to_server, notifier) as notifier_target,
    ):
        command = Pagerctl(
            {
                "PAGERCTL_TARGET": target,
                "PAGERCTL_POLICY_TARGET": policy_target,
                "PAGERCTL_NOTIFIER_TARGET": notifier_target,
                # A POSIX zone, so that no zone database is needed: Berlin's winter time.
                "TZ": "CET-1",
            }
        )
        yield command
        await command.end()
