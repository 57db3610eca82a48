"""What is broken: each fault lasts while its body runs, and everything is as before when it has ended."""

import asyncio
import contextlib
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from nemesis.cluster import NOTIFIERS, PAGERS, POLICIES, ROOMS, Cluster
from nemesis.postgres import STOPS
from nemesis.processes import NotReadyError
from nemesis.relay import Cut, never

COMING_BACK_SECONDS = 60.0
"""A killed process is a fault until it serves again, but no longer than this: starting costs what the machine costs."""
EDGES = {
    "pager-db": (PAGERS, ("db",)),
    "pager-notifier": (PAGERS, NOTIFIERS),
    "pager-policy": (PAGERS, POLICIES),
    "notifier-db": (NOTIFIERS, ("db",)),
    "notifier-provider": (NOTIFIERS, ("providers",)),
}
TROUBLES = (
    ("later:1",),
    ("fail",),
    ("accept_cut",),
    ("cut",),
    ("accept_silence",),
    ("silence",),
    ("refuse",),
    ("accept_cut", "fail", "silence", "later:2"),
)


Fault = Callable[[Cluster, random.Random], AsyncIterator[str]]
"""A generator that breaks something, yields what it broke, and mends it when it goes on."""


async def kill(cluster: Cluster, chance: random.Random) -> AsyncIterator[str]:
    """Kill -9 of one room; the supervisor starts it again."""
    name = chance.choice(ROOMS)
    room = cluster.rooms[name]
    room.send(signal.SIGKILL)
    yield f"kill -9 {name}"
    await _back(room)


async def kill_all(cluster: Cluster, chance: random.Random) -> AsyncIterator[str]:
    """Kill -9 of every room and of the database at once."""
    processes = [cluster.db.process, *cluster.rooms.values()]
    for process in processes:
        process.send(signal.SIGKILL)
    yield "kill -9 everything"
    await asyncio.gather(*map(_back, processes))


async def kill_again_and_again(cluster: Cluster, chance: random.Random) -> AsyncIterator[str]:
    """Kill -9 of one kind of room every 1 to 3 seconds."""
    names = chance.choice((PAGERS, NOTIFIERS))

    async def killing() -> None:
        while True:
            cluster.rooms[chance.choice(names)].send(signal.SIGKILL)
            await asyncio.sleep(chance.uniform(1, 3))

    task = asyncio.create_task(killing())
    yield f"kill -9 {names[0].partition('-')[0]}s again and again"
    task.cancel()
    await asyncio.gather(*(_back(cluster.rooms[name]) for name in names))


async def pause(cluster: Cluster, chance: random.Random) -> AsyncIterator[str]:
    """SIGSTOP longer than a lease, then SIGCONT."""
    name = chance.choice((*PAGERS, *NOTIFIERS, *POLICIES))
    cluster.rooms[name].send(signal.SIGSTOP)
    yield f"pause {name}"
    cluster.rooms[name].send(signal.SIGCONT)


def partition(edge: str, how: Cut, *, everybody: bool = False) -> Fault:
    """One client of the edge, or all, loses one server of it, or all."""
    share = 1.0 if everybody else 0.4

    async def partitioned(cluster: Cluster, chance: random.Random) -> AsyncIterator[str]:
        clients, servers = ([*group] if chance.random() < share else [chance.choice(group)] for group in EDGES[edge])
        pairs = [(client, server) for client in clients for server in servers]
        for pair in pairs:
            cluster.network.cut(*pair, how)
        yield f"partition {how}: {','.join(clients)} - {','.join(servers)}"
        for pair in pairs:
            cluster.network.heal(*pair, how)

    return partitioned


def database_stop(mode: str) -> Fault:
    """The server is stopped; the supervisor starts it again."""

    async def stopped(cluster: Cluster, chance: random.Random) -> AsyncIterator[str]:
        cluster.db.process.send(STOPS[mode])
        yield f"database stop {mode}"
        await _back(cluster.db.process)

    return stopped


async def commits_lost(cluster: Cluster, chance: random.Random) -> AsyncIterator[str]:
    """COMMIT arrives, its answer does not: the connection is reset instead."""
    victims = chance.choice((PAGERS, NOTIFIERS, (*PAGERS, *NOTIFIERS)))
    share = chance.choice((0.1, 0.3, 1.0))
    relays = [relay for name in victims for relay in cluster.network.relays[name, "db"]]
    for relay in relays:
        relay.loses_commit = lambda: chance.random() < share
    yield f"commits lost {share:.0%}: {','.join(victims)}"
    for relay in relays:
        relay.loses_commit = never


async def provider_trouble(cluster: Cluster, chance: random.Random) -> AsyncIterator[str]:
    """Some recipients, or all, meet a provider in trouble."""
    steps = chance.choice(TROUBLES)
    everybody = cluster.all_recipients()
    victims = everybody if chance.random() < 0.5 else chance.sample(everybody, 8)
    for victim in victims:
        cluster.providers.behave(victim, *steps)
    yield f"provider {','.join(steps)} for {len(victims)}"
    for victim in victims:
        cluster.providers.behave(victim, "accept")


async def slow(cluster: Cluster, chance: random.Random) -> AsyncIterator[str]:
    """Every hop takes longer."""
    delay = chance.choice((0.03, 0.1, 0.3))
    relays = [relay for relays in cluster.network.relays.values() for relay in relays]
    for relay in relays:
        relay.delay = delay
    yield f"slow everything: {delay:g} s a hop"
    for relay in relays:
        relay.delay = 0.0


async def disk_full(cluster: Cluster, chance: random.Random) -> AsyncIterator[str]:
    """The database's disk has no room."""
    await asyncio.to_thread(cluster.db.fill_disk)
    yield "database disk full"
    cluster.db.free_disk()
    await _back(cluster.db.process)


async def _back(process) -> None:
    # How it may fail: it does not serve for another fault's sake; then that one's end is the end that counts.
    with contextlib.suppress(NotReadyError):
        await process.ready(COMING_BACK_SECONDS)


@asynccontextmanager
async def broken(fault: Fault, cluster: Cluster, chance: random.Random) -> AsyncIterator[str]:
    """The fault while the body runs; the value is what is broken."""
    generator = fault(cluster, chance)
    what = await anext(generator)
    try:
        yield what
    finally:
        async for _ in generator:
            raise AssertionError("a fault ends after its yield")


@dataclass(frozen=True)
class Kind:
    """One line of the catalogue. Of those with the same ``place`` only one happens at a time."""

    name: str
    place: str
    fault: Fault
    shortest: float
    longest: float


def catalogue(*, small_disk: bool) -> list[Kind]:
    """All that may happen; what stands twice happens twice as often."""
    return [
        *[Kind("kill", "kill", kill, 0.1, 0.2)] * 2,
        Kind("kill all", "kill", kill_all, 0.1, 0.2),
        Kind("kill loop", "kill", kill_again_and_again, 5, 12),
        *[Kind("pause", "pause", pause, 11, 16)] * 2,
        *(Kind(f"database {mode}", "database", database_stop(mode), 0.1, 0.2) for mode in STOPS),
        *[Kind("commits lost", "commit", commits_lost, 4, 10)] * 2,
        *[Kind("provider", "provider", provider_trouble, 4, 12)] * 3,
        Kind("slow", "slow", slow, 5, 12),
        *(Kind(f"partition {how} {edge}", edge, partition(edge, how), 4, 16) for edge in EDGES for how in Cut),
        # So long that the kernel's next retransmission comes late.
        Kind("long partition pager-db", "pager-db", partition("pager-db", Cut.SILENT, everybody=True), 27, 32),
        *([Kind("disk full", "database", disk_full, 4, 8)] if small_disk else []),
    ]
