"""How much memory does a pager process take? Idle on an empty database, and with a million open incidents."""

import asyncio

from bench.answer import Answer, Row, at_most
from bench.effort import Effort
from bench.figures import Figure
from bench.load.bodies import RAISE, FreshServices, new_alerts
from bench.load.loops import closed_loop
from bench.servers.databases import Engine, Store, fresh_store
from bench.servers.pending import Pending, tomorrow, write_millions, write_pattern, write_pending
from bench.servers.rooms import Pager, running_pager
from bench.sides import IN_FLIGHT
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

GOAL = "P9"
LIST = "/pager.v1.PagerService/ListIncidents"


async def ask(effort: Effort) -> Answer:
    """Every process is fresh; with incidents it has also taken alerts and listed incidents."""
    count, settle = effort.pick(full=1_000_000, quick=20_000), effort.pick(full=2.0, quick=1.0)
    calls, lists = effort.pick(full=(5000, 25), quick=(1000, 5))
    rows, seen = [], {}
    for engine in Engine:
        async with fresh_store(engine) as store:
            idle = await _resident(store, settle)
            await write_pattern(store)
            write = write_pending if engine is Engine.SQLITE else write_millions
            await write(store, Pending("open", count, tomorrow(engine)))
            waiting, worked = await _resident(store, settle), await _resident(store, settle, calls=calls, lists=lists)
        many = f"{count:,} open incidents"
        rows += [
            _row(f"idle, {engine}", idle, limit=120),
            _row(f"{many}, {engine}, after {calls:,} alerts and {lists} long lists", worked, limit=150),
            _row(f"{many}, {engine}, idle", waiting),
        ]
        seen[engine] = {"idle": idle, "waiting": waiting, "worked": worked}
    return Answer(rows, raw={"mib": seen})


async def _resident(store: Store, settle: float, calls: int = 0, lists: int = 0) -> float:
    """Of a new process, once it has settled and answered so many calls."""
    with running_pager(store, paging=True) as pager:
        await asyncio.sleep(settle)
        if calls:
            await _worked(pager, calls, lists)
            await asyncio.sleep(settle)
        return pager.resident_mib()


async def _worked(pager: Pager, calls: int, lists: int) -> None:
    fresh = FreshServices()
    await closed_loop([pager.target], RAISE, new_alerts(calls, fresh), IN_FLIGHT)
    bodies = [pb.ListIncidentsRequest(page_size=1000).SerializeToString()] * lists
    await closed_loop([pager.target], LIST, bodies, 1)


def _row(what: str, mib: float, limit: float | None = None) -> Row:
    figure = Figure.of([mib])
    return Row(GOAL, f"resident memory, {what}", figure, "MiB", limit=at_most(limit) if limit else None)
