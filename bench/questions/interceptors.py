"""What do our interceptors cost? The empty call through them ÷ a bare grpc.aio server, each a process of its own."""

import contextlib
from collections.abc import Iterator

from bench.answer import Answer, Row, at_least
from bench.effort import Effort
from bench.processes import child, python
from bench.servers.databases import Engine, Store, fresh_store
from bench.servers.rooms import Pager, running_pager
from bench.sides import empty_calls

_WITH_METRICS = {"PAGER_METRICS_LISTEN": "127.0.0.1:0"}


async def ask(effort: Effort) -> Answer:
    """Twice: as configured by default, and with every call counted and timed for /metrics."""
    count = effort.pick(full=4000, quick=1000)
    async with fresh_store(Engine.SQLITE) as store, fresh_store(Engine.SQLITE) as other:
        with (
            _bare(store) as bare,
            running_pager(store) as plain,
            running_pager(other, settings=_WITH_METRICS) as all_on,
        ):
            sides = {"default": empty_calls(plain, count), "with metrics": empty_calls(all_on, count)}
            for side in sides.values():
                await side()  # warm
            rounds = await effort.rounds(full=7, quick=2).bracketed(empty_calls(bare, count), sides)
    goal, words = "P1b", "empty call through all interceptors, {} ÷ bare grpc.aio"
    rows = [Row(goal, words.format(name), rounds.ratio(name), limit=at_least(0.85)) for name in sides]
    rows += [Row(goal, f"empty call, {name}", rounds.figure(name), "/s") for name in sides]
    rows += [Row(goal, f"processor time, {name}", rounds.seen(name, "cpu_us"), "µs a call") for name in sides]
    rows.append(Row(goal, "bare grpc.aio", rounds.base(), "/s"))
    rows.append(Row(goal, "processor time, bare grpc.aio", rounds.seen_of_base("cpu_us"), "µs a call"))
    return Answer(rows, raw={"rounds": rounds.raw()})


@contextlib.contextmanager
def _bare(store: Store) -> Iterator[Pager]:
    """A server that is nothing but grpc.aio."""
    command = python("bench.servers.bare_echo")
    with child(*command, folder=store.folder, name="bare", piped=True) as process:
        yield Pager(process, process.first_line()["port"])
