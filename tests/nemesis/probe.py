"""Tries each fault on something small and prints as JSON what was seen while it was on and after.

    python -m nemesis.probe FOLDER [--loopback]

In a process of its own, because namespaces are entered for good.
"""

import asyncio
import contextlib
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import asyncpg
from nemesis.cluster import Cluster
from nemesis.faults import broken, database_stop, disk_full, kill, pause
from nemesis.network import Loopback, Namespaces, Network, enter_private_world
from nemesis.postgres import STOPS
from nemesis.processes import Process
from nemesis.relay import Cut, Streams

AT_ONCE, HANGS = 0.9, 1.5


async def cuts(network: Network) -> dict[str, Any]:
    """What a client sees of a server through each cut."""
    client, server = network.add("client"), network.add("server")
    arrived: list[bytes] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(100):
                arrived.append(data)
                writer.write(data)

    listening = server.listening(0)
    await asyncio.start_server(echo, sock=listening)
    host, _, port = network.relay("client", "server", listening.getsockname()[1]).rpartition(":")

    async def attempt() -> str:
        began = time.monotonic()
        try:
            _, writer = await asyncio.wait_for(client.connected(int(port), host), HANGS)
        except TimeoutError:
            return "hangs"
        except OSError:
            return "refused" if time.monotonic() - began < AT_ONCE else "failed late"
        writer.close()
        return "connected"

    seen = {}
    for how in Cut:
        connection = await client.connected(int(port), host)
        before = await _answer(connection, b"before")
        network.cut("client", "server", how)
        during, attempted = await _answer(connection, how.encode()), await attempt()
        came = how.encode() in arrived
        network.heal("client", "server", how)
        after = await attempt()
        seen[how.value] = {"before": before, "during": during, "arrived": came, "attempt": attempted, "after": after}
    return seen


async def _answer(connection: Streams, data: bytes) -> str:
    reader, writer = connection
    try:
        writer.write(data)
        return "answered" if await asyncio.wait_for(reader.read(100), HANGS) == data else "cut"
    except TimeoutError:
        return "silence"
    except OSError:
        return "cut"


async def database(cluster: Cluster) -> dict[str, Any]:
    """What its clients see of the database's faults."""
    db, chance = cluster.db, random.Random(0)  # noqa: S311
    for victim in ("pager-1", "notifier-1"):
        cluster.network.add(victim)
    cluster.network.add("db")
    await db.start()
    seen: dict[str, Any] = {}
    for mode in STOPS:
        async with broken(database_stop(mode), cluster, chance):
            await _until(lambda: len(db.process.ends) == len(seen) + 1)
        seen[f"stop {mode}"] = {"code": db.process.ends[-1].code, "after": await db.answers()}
    seen["commit"] = await _lost_commit(cluster)
    seen["lone statement"] = await _lost_commit(cluster, lone=True)
    if cluster.small_disk:
        seen["disk"] = await _full_disk(cluster)
    await db.stop()
    return seen


async def _lost_commit(cluster: Cluster, *, lone: bool = False) -> dict[str, Any]:
    """``lone``: of a statement that is a transaction of its own."""
    host, _, port = cluster.network.relay("pager-1", "db", cluster.db.connected).rpartition(":")
    past = await asyncpg.connect(host=str(cluster.db.data), user="postgres", database="pager")
    await past.execute("CREATE TABLE IF NOT EXISTS probe (text text)")
    await past.execute("TRUNCATE probe")
    through = await asyncpg.connect(host=host, port=int(port), user="postgres", database="pager")
    relay = cluster.network.relays["pager-1", "db"][-1]
    relay.loses_commit = lambda: True
    heard = "OK"
    try:
        if lone:
            await through.fetch("WITH clock AS (SELECT $1::text AS x) INSERT INTO probe SELECT x FROM clock", "x")
        else:
            async with through.transaction():
                await through.execute("INSERT INTO probe VALUES ('x')")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        heard = "an error" if through.is_closed() else repr(error)
    rows = await past.fetchval("SELECT count(*) FROM probe")
    await past.close()
    return {"heard": heard, "rows": rows, "counted": relay.commits_lost}


async def _full_disk(cluster: Cluster) -> dict[str, Any]:
    async def insert() -> str:
        try:
            connection = await asyncpg.connect(host=str(cluster.db.data), user="postgres", database="pager")
            await connection.execute("INSERT INTO probe SELECT repeat('x', 500) FROM generate_series(1, 50000)")
            await connection.close()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return "an error"
        return "OK"

    async with broken(disk_full, cluster, random.Random(0)):  # noqa: S311
        during = await insert()
    return {"during": during, "after": await insert()}


async def processes(cluster: Cluster) -> dict[str, Any]:
    """What becomes of a process that is killed or paused."""
    host = cluster.network.add("sleeper")

    async def serves() -> bool:
        return True

    command = [*host.command, "sleep", "1000"]
    sleeper = Process("sleeper", command, cluster.folder / "sleeper.log", serves=serves, pause=lambda: 0.1)
    await sleeper.start()
    for name in ("policy-1", "policy-2", "notifier-1", "notifier-2", "pager-1", "pager-2", "pager-3"):
        cluster.rooms[name] = sleeper
    first = sleeper.pid
    async with broken(pause, cluster, random.Random(0)):  # noqa: S311
        await _until(lambda: _state(first) == "T")
    await _until(lambda: _state(first) != "T")
    async with broken(kill, cluster, random.Random(0)):  # noqa: S311
        await _until(lambda: sleeper.pid != first)
    ends = [(end.code, end.asked) for end in sleeper.ends]
    return {"ends": ends, "stopped": await sleeper.stop()}


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


async def _until(look) -> None:
    async with asyncio.timeout(60):
        while not look():
            await asyncio.sleep(0.02)


async def _main(folder: Path, network: Network) -> dict[str, Any]:
    cluster = Cluster(network, folder, folder / "short", random.Random(0))  # noqa: S311
    return {
        "network": network.kind,
        "cuts": await cuts(network),
        "processes": await processes(cluster),
        "database": await database(cluster),
    }


if __name__ == "__main__":
    why_not = "asked for" if "--loopback" in sys.argv else enter_private_world("nemesis.probe", sys.argv[1:])
    observed = asyncio.run(_main(Path(sys.argv[1]), Loopback() if why_not else Namespaces()))
    sys.stdout.write(json.dumps(observed | {"why_no_namespaces": why_not}))
