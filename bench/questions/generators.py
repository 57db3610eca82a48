"""Is the load generator the bottleneck? One server, the same alert again and again, four kinds of clients.

The frames that this suite writes itself, the client of grpc.aio, h2load and k6; the last two where they are installed.
h2load does not read the status of a call; the others check each one.
"""

import asyncio
import json
import re
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import grpc

from bench.answer import Answer, Row
from bench.effort import Effort
from bench.figures import Figure
from bench.folders import ROOT
from bench.load.bodies import RAISE, alert_for
from bench.processes import ran
from bench.rounds import Sample, Side, raw
from bench.servers.databases import Engine, fresh_store
from bench.servers.rooms import Pager, running_pager
from bench.sides import IN_FLIGHT, calls

GOAL = "load"
K6_USERS = 32
_BODY = alert_for("checkout", request_id="").SerializeToString()
_H2LOAD_RATE = re.compile(r"finished in [^,]+, ([\d.]+) req/s")
_H2LOAD_OK = re.compile(r"(\d+) succeeded, 0 failed, 0 errored, 0 timeout")
_K6_SCRIPT = """
import grpc from 'k6/net/grpc';
const client = new grpc.Client();
client.load(['%(protos)s'], 'pager/v1/pager_service.proto');
export const options = { vus: %(users)d, iterations: %(count)d };
let connected = false;
export default () => {
  if (!connected) {
    client.connect('%(target)s', { plaintext: true });
    connected = true;
  }
  const answer = client.invoke('pager.v1.PagerService/RaiseAlert', {
    monitored_service_id: 'checkout',
    message: 'p99 latency of checkout is above two seconds for five minutes in eu-west-1',
    details: 'dashboards and runbook: see the links of the service catalogue',
  });
  if (answer.status !== grpc.StatusOK) throw new Error(JSON.stringify(answer.error));
};
"""

Run = Callable[[], float]
"""Blocks, and returns calls a second."""


async def ask(effort: Effort) -> Answer:
    """Repeats of one open incident on the embedded engine, by each client in turn."""
    count = effort.pick(full=4000, quick=1500)
    async with fresh_store(Engine.SQLITE) as store:
        with running_pager(store) as pager:
            sides: dict[str, Side] = {
                "frames of this suite": calls([pager], RAISE, lambda: [_BODY] * count),
                "grpc.aio": _grpc_aio(pager, count),
            }
            if h2load := shutil.which("h2load"):
                sides["h2load"] = _outside(pager, count, partial(_h2load, h2load, pager, store.folder, count))
            if k6 := k6_program():
                sides["k6"] = _outside(pager, count, partial(_k6, k6, pager, store.folder, count))
            for side in sides.values():
                await side()  # warm
            rounds = await effort.rounds(full=5, quick=1).in_turn(sides)
    rows = [_rate(name, Figure.of(each[name].figure for each in rounds)) for name in sides]
    rows += [_rate(name, None) for name in ("h2load", "k6") if name not in sides]
    for name in sides:
        cpu = Figure.of(each[name].more["cpu_us"] for each in rounds)
        rows.append(Row(GOAL, f"processor time of the server, load by {name}", cpu, "µs a call"))
    return Answer(rows, raw={"rounds": raw(rounds)})


def k6_program() -> str | None:
    """Where k6 is: beside our Python, or on the path."""
    beside = Path(sys.executable).parent / "k6"
    return str(beside) if beside.exists() else shutil.which("k6")


def _rate(name: str, figure: Figure | None) -> Row:
    note = "" if figure else "not installed: make bench-peers"
    return Row(GOAL, f"RaiseAlert, repeats of one incident, load by {name}", figure, "/s", note=note)


def _grpc_aio(pager: Pager, count: int) -> Side:
    async def measured() -> Sample:
        left = iter(range(count))
        before = pager.cpu_seconds()
        async with grpc.aio.insecure_channel(pager.target) as channel:
            call: Any = channel.unary_unary(RAISE)
            await call(_BODY)

            async def caller() -> None:
                for _ in left:
                    await call(_BODY)

            begun = monotonic()
            await asyncio.gather(*(caller() for _ in range(IN_FLIGHT)))
            rate = count / (monotonic() - begun)
        return Sample(rate, {"cpu_us": (pager.cpu_seconds() - before) / count * 1e6})

    return measured


def _outside(pager: Pager, count: int, run: Run) -> Side:
    """By a process of its own."""

    async def measured() -> Sample:
        before = pager.cpu_seconds()
        rate = await asyncio.to_thread(run)
        return Sample(rate, {"cpu_us": (pager.cpu_seconds() - before) / count * 1e6})

    return measured


def _h2load(program: str, pager: Pager, folder: Path, count: int) -> float:
    frame = folder / "frame.bin"
    frame.write_bytes(b"\0" + len(_BODY).to_bytes(4, "big") + _BODY)
    headers = ("-H", "content-type: application/grpc", "-H", "te: trailers")
    load = ("-n", str(count), "-c", "1", "-m", str(IN_FLIGHT), "-d", str(frame))
    told = ran(program, *load, *headers, f"http://{pager.target}{RAISE}")
    rate, succeeded = _H2LOAD_RATE.search(told), _H2LOAD_OK.search(told)
    if rate is None or succeeded is None or int(succeeded[1]) != count:
        raise RuntimeError(f"h2load failed: {told[-500:]}")
    return float(rate[1])


def _k6(program: str, pager: Pager, folder: Path, count: int) -> float:
    script, summary = folder / "k6.js", folder / "k6.json"
    facts = {"protos": ROOT / "protos", "users": K6_USERS, "count": count, "target": pager.target}
    script.write_text(_K6_SCRIPT % facts)
    ran(program, "run", "--quiet", "--no-usage-report", "--summary-export", str(summary), str(script))
    rate: float = json.loads(summary.read_text())["metrics"]["iterations"]["rate"]
    return rate
