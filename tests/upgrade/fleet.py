"""Two of each room on loopback, each of a build that can be exchanged."""

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import grpc
from end_to_end.world import free_port
from grpc_health.v1 import health_pb2, health_pb2_grpc
from nemesis.cluster import CATCH_ALL, NOTIFIERS, POLICIES, TEAMS, policy_of
from nemesis.processes import Process
from sealed import ADDRESS_KEY
from simulation.providers_process import Providers
from sqlalchemy import make_url
from sqlalchemy.engine import URL

from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb
from pager_grpc.gen.policy.v1 import policy_service_pb2_grpc as policy_pb_grpc
from pager_grpc.runtime.channels import open_channel

PAGERS = ("pager-1", "pager-2")
FIRSTS, SECONDS = (tuple(f"{room}-{n}" for room in ("policy", "notifier", "pager")) for n in (1, 2))


@dataclass(frozen=True)
class Databases:
    """One PostgreSQL database a room."""

    urls: dict[str, str]

    def url(self, room: str) -> URL:
        return make_url(self.urls[room])


class Fleet:
    """Everything that runs; what reads the nemesis' cluster afterwards reads this too."""

    def __init__(self, folder: Path, urls: dict[str, str]) -> None:
        self.folder, self.db = folder, Databases(urls)
        self.providers = Providers(folder).start()
        self.addresses = {name: f"127.0.0.1:{free_port()}" for name in FIRSTS + SECONDS}
        self._channels = {name: open_channel(address) for name, address in self.addresses.items()}
        self.rooms: dict[str, Process] = {}

    async def start(self, code: Path) -> None:
        """Returns when every room serves from ``code`` and the policies are defined."""
        self.rooms = {name: self._room(name, code) for name in FIRSTS + SECONDS}
        await asyncio.gather(*(room.start() for room in self.rooms.values()))
        stub = policy_pb_grpc.PolicyServiceStub(self._channels[POLICIES[0]])
        for team in range(TEAMS):
            request = policy_pb.CreateEscalationPolicyRequest(escalation_policy=policy_of(team))
            await stub.CreateEscalationPolicy(request, timeout=10)

    async def roll(self, code: Path) -> list[int]:
        """Exchanges every room for ``code``, one of each kind at a time; the exit codes of those that left."""
        codes: list[int] = []
        for wave in (FIRSTS, SECONDS):
            codes += await asyncio.gather(*(self._exchange(name, code) for name in wave))
        return codes

    async def stop(self) -> list[int]:
        """Ends everything; the exit codes of the rooms."""
        codes = await asyncio.gather(*(room.stop() for room in self.rooms.values()))
        for channel in self._channels.values():
            await channel.close()
        self.providers.stop()
        return codes

    def migrate(self, code: Path) -> None:
        """What the migration jobs of ``code`` do."""
        for room in self.db.urls:
            command = [sys.executable, "-P", "-m", "pager_grpc.pagerd", "migrate", room]
            environment = self._environment(f"{room}-1", code)
            done = subprocess.run(
                command, env=environment, cwd=self.folder, check=False, capture_output=True, text=True, timeout=120
            )
            assert done.returncode == 0, done.stderr

    def channel(self, name: str) -> grpc.aio.Channel:
        """A channel to one room."""
        return self._channels[name]

    async def _exchange(self, name: str, code: Path) -> int:
        left = await self.rooms[name].stop()
        self.rooms[name] = self._room(name, code)
        await self.rooms[name].start()
        return left

    def _room(self, name: str, code: Path) -> Process:
        # -P: the working folder, which is the newest build, must not come before PYTHONPATH.
        command = [sys.executable, "-P", "-m", f"pager_grpc.{_kind(name)}"]
        return Process(
            name,
            command,
            self.folder / f"{name}.log",
            serves=partial(self._serves, name),
            pause=lambda: 0.2,
            environment=self._environment(name, code),
        )

    def _environment(self, name: str, code: Path) -> dict[str, str]:
        room = _kind(name)
        return os.environ | {
            "PYTHONPATH": str(code),
            "PAGERD_DATA": str(self.folder),
            "PAGER_CATCH_ALL_EMAIL": CATCH_ALL,
            "PAGER_ADDRESS_KEYS": ADDRESS_KEY,
            "PAGER_POLICY_TARGET": self._targets(POLICIES),
            "PAGER_NOTIFIER_TARGET": self._targets(NOTIFIERS),
            f"{room.upper()}_LISTEN": self.addresses[name],
            f"{room.upper()}_DATABASE_URL": self.db.urls[room],
            **self.providers.environment,
        }

    def _targets(self, names: tuple[str, ...]) -> str:
        return "ipv4:" + ",".join(self.addresses[name] for name in names)

    async def _serves(self, name: str) -> bool:
        stub = health_pb2_grpc.HealthStub(self._channels[name])
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=2)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def _kind(name: str) -> str:
    return name.partition("-")[0]
