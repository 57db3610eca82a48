"""How long until the first alert is taken? `pagerd up` and `pagerctl --help` ÷ bare Python that imports as much."""

import asyncio
import sys
from pathlib import Path
from time import monotonic

import grpc

from bench.answer import Answer, Row, at_most
from bench.effort import Effort
from bench.figures import Figure
from bench.load.bodies import alert_for
from bench.processes import child, free_ports, ran
from bench.rounds import Sample, Side, between, raw
from bench.servers.databases import temporary_folder
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc

GOAL = "P10"
_BIN = Path(sys.executable).parent
_PATIENCE_SECONDS = 60.0


async def ask(effort: Effort) -> Answer:
    """Every start on an empty data folder; files and bytecode are in the page cache for all sides."""
    sides: dict[str, Side] = {
        "up": _up,
        "its libraries": _seconds_of(sys.executable, "-c", "import grpc, sqlmodel"),
        "help": _seconds_of(str(_BIN / "pagerctl"), "--help"),
        "help's libraries": _seconds_of(sys.executable, "-c", "import typer, rich"),
    }
    for side in sides.values():
        await side()
    rounds = await effort.rounds(full=7, quick=1).in_turn(sides)
    up, help_ = between(rounds, "up", "its libraries"), between(rounds, "help", "help's libraries")
    rows = [
        Row(GOAL, "pagerd up → first RaiseAlert OK ÷ python -c 'import grpc, sqlmodel'", up, limit=at_most(4)),
        Row(GOAL, "pagerctl --help ÷ python -c 'import typer, rich'", help_, limit=at_most(2)),
    ]
    rows += [Row(GOAL, name, Figure.of(each[name].figure for each in rounds), "s") for name in sides]
    return Answer(rows, raw={"rounds": raw(rounds)})


async def _up() -> Sample:
    """Seconds until an alert is answered OK by a pager that did not exist before."""
    ports = free_ports(("pager", "policy", "notifier"))
    with temporary_folder() as folder:
        settings = {"PAGERD_DATA": str(folder / "var")}
        settings |= {f"{room.upper()}_LISTEN": f"127.0.0.1:{port}" for room, port in ports.items()}
        begun = monotonic()
        with child(str(_BIN / "pagerd"), "up", folder=folder, name="up", environment=settings):
            await _until_listening(ports["pager"], begun + _PATIENCE_SECONDS)
            async with grpc.aio.insecure_channel(f"127.0.0.1:{ports['pager']}") as channel:
                await pb_grpc.PagerServiceStub(channel).RaiseAlert(alert_for("checkout"), timeout=10)
            return Sample(monotonic() - begun)


async def _until_listening(port: int, end: float) -> None:
    """By plain connections: a gRPC channel that was refused would wait for a second before it looks again."""
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if monotonic() > end:
                raise
            await asyncio.sleep(0.005)
        else:
            writer.close()
            return


def _seconds_of(*command: str) -> Side:
    """From the start of a process to its end."""

    async def measured() -> Sample:
        begun = monotonic()
        await asyncio.to_thread(ran, *command)
        return Sample(monotonic() - begun)

    return measured
