"""Three pagers, two notifiers, two policy servers, one PostgreSQL and the providers, each on a host of its own."""

import asyncio
import os
import random
import sys
from functools import partial
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from nemesis.network import Namespaces, Network
from nemesis.postgres import Postgres
from nemesis.processes import End, Process
from sealed import ADDRESS_KEY
from simulation.providers_process import Providers

from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb
from pager_grpc.gen.policy.v1 import policy_service_pb2_grpc as policy_pb_grpc
from pager_grpc.runtime.channels import open_channel

PAGERS = ("pager-1", "pager-2", "pager-3")
NOTIFIERS = ("notifier-1", "notifier-2")
POLICIES = ("policy-1", "policy-2")
ROOMS = (*POLICIES, *NOTIFIERS, *PAGERS)
HOSTS = ("db", "providers", *ROOMS)
CATCH_ALL = "catch-all@example.com"
TEAMS = 6


def recipients(team: int) -> list[list[str]]:
    """Addresses by level: two a level."""
    return [[f"team{team}-{level}@example.com", f"+4915{team:02}{level:02}00001"] for level in (1, 2)]


class Cluster:
    """Everything that runs; files go to ``folder``, sockets and data to ``short`` (paths of sockets are short)."""

    def __init__(self, network: Network, folder: Path, short: Path, chance: random.Random) -> None:
        self.network, self.folder, self._chance = network, folder, chance
        self.small_disk = isinstance(network, Namespaces)
        self.db = Postgres(short, folder / "db.log", small_disk=self.small_disk)
        self.rooms: dict[str, Process] = {}
        self.addresses: dict[str, str] = {}
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def start(self) -> None:
        """Returns when all serve and the policies are defined."""
        hosts = {name: self.network.add(name) for name in HOSTS}
        await self.db.start()
        of_providers = hosts["providers"]
        self.providers = Providers(self.folder, host=of_providers.address, command=of_providers.command).start()
        self.ports = {name: hosts[name].free_port() for name in ROOMS}
        for name in ROOMS:
            self.addresses[name] = f"{hosts[name].address}:{self.ports[name]}"
            self._channels[name] = open_channel(self.addresses[name])
            self.rooms[name] = self._room(name, self._environment(name), hosts[name].command)
        await asyncio.gather(*(room.start() for room in self.rooms.values()))
        await self._define_policies()

    async def stop(self) -> dict[str, int]:
        """Ends everything; the exit codes of the rooms, which were asked politely."""
        codes = await asyncio.gather(*(room.stop() for room in self.rooms.values()))
        for channel in self._channels.values():
            await channel.close()
        self.providers.stop()
        await self.db.stop()
        self.network.close()
        return dict(zip(self.rooms, codes, strict=True))

    def channel(self, name: str) -> grpc.aio.Channel:
        """A channel past all relays, for callers."""
        return self._channels[name]

    def ends(self) -> list[End]:
        """Every end of a process so far."""
        return [end for process in (self.db.process, *self.rooms.values()) for end in process.ends]

    def all_recipients(self) -> list[str]:
        return [CATCH_ALL, *(who for team in range(TEAMS) for level in recipients(team) for who in level)]

    def _room(self, name: str, environment: dict[str, str], command: tuple[str, ...]) -> Process:
        room = name.partition("-")[0]
        return Process(
            name,
            [*command, sys.executable, "-m", f"pager_grpc.{room}"],
            self.folder / f"{name}.log",
            serves=partial(self._serves, name),
            pause=lambda: self._chance.uniform(0.2, 3),
            # In network namespaces every address is beyond the machine; no wire is.
            environment=os.environ | {"PAGERD_DATA": str(self.folder), "PAGERD_INSECURE": "1"} | environment,
        )

    def _environment(self, name: str) -> dict[str, str]:
        room = name.partition("-")[0]
        database = self.network.relay(name, "db", self.db.connected)
        environment = {
            f"{room.upper()}_LISTEN": self.addresses[name],
            f"{room.upper()}_DATABASE_URL": f"postgresql+asyncpg://postgres@{database}/{room}",
        }
        if room == "pager":
            environment |= {
                "PAGER_CATCH_ALL_EMAIL": CATCH_ALL,
                "PAGER_ADDRESS_KEYS": ADDRESS_KEY,
                "PAGER_POLICY_TARGET": self._targets(name, POLICIES),
                "PAGER_NOTIFIER_TARGET": self._targets(name, NOTIFIERS),
            }
        if room == "notifier":
            ports = self.providers.ports
            relays = {kind: self.network.relay(name, "providers", ports[kind]) for kind in ("smtp", "sms")}
            environment |= self.providers.environment
            environment["NOTIFIER_SMTP_URL"] = f"smtp://{relays['smtp']}"
            environment["NOTIFIER_SMS_URL"] = f"http://{relays['sms']}"
            environment["PAGERD_OUTBOUND_ALLOW"] = relays["sms"].rpartition(":")[0]
        return environment

    def _targets(self, client: str, servers: tuple[str, ...]) -> str:
        return "ipv4:" + ",".join(self.network.relay(client, server, self.ports[server]) for server in servers)

    async def _serves(self, name: str) -> bool:
        stub = health_pb2_grpc.HealthStub(self._channels[name])
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=2)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def _define_policies(self) -> None:
        stub = policy_pb_grpc.PolicyServiceStub(self._channels[POLICIES[0]])
        for team in range(TEAMS):
            request = policy_pb.CreateEscalationPolicyRequest(escalation_policy=policy_of(team))
            await stub.CreateEscalationPolicy(request, timeout=10)


def services_of(team: int) -> list[str]:
    """The services that a team is on call for."""
    return [f"service-{team}-{number}" for number in range(4)]


def policy_of(team: int) -> policy_pb.EscalationPolicy:
    """Two levels for the services of a team."""
    message = policy_pb.EscalationPolicy(policy_id=f"team-{team}", monitored_service_ids=services_of(team))
    for number, addresses in enumerate(recipients(team), 1):
        level = message.levels.add()
        level.acknowledgement_timeout.FromNanoseconds((1 + team % 3) * 1_000_000_000)
        for address in addresses:
            target = level.targets.add(target_id=f"{number} {address}")
            if "@" in address:
                target.email.email_address = address
            else:
                target.sms.phone_number = address
    return message
