"""What does it cost to make an alert durable? RaiseAlert ÷ the empty call of the same server process.

Usage: python bench/accept.py [--database-url URL] [--rounds 7] [--calls 3000] [--in-flight 128] [--json FILE]

The sides are interleaved in one run: empty, all new, empty, 95 % repeats. The load comes from another process with
serialized requests of about 200 bytes; every status is checked, and the stored incidents are counted at the end. The
server's own CPU time per call is printed too, because a load generator on the same two cores flatters the rate.
"""

import argparse
import asyncio
import json
import multiprocessing as mp
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
import uuid
from multiprocessing.connection import Connection
from pathlib import Path

import grpc

sys.path.insert(0, str(Path(__file__).parent.parent))

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc

EMPTY = "/bench.v1.BenchService/Empty"
RAISE = "/pager.v1.PagerService/RaiseAlert"
OPEN_SERVICES = 50


def serve(pipe: Connection, database_url: str, data: str, paging: bool) -> None:
    """The server process: the whole pager, and one call that does nothing."""
    asyncio.run(_serve(pipe, database_url, data, paging))


async def _serve(pipe: Connection, database_url: str, data: str, paging: bool) -> None:
    from pager_grpc.pager.bootstrap import running_pager
    from pager_grpc.pager.config import PagerSettings
    from pager_grpc.runtime.database import open_database
    from pager_grpc.runtime.migrations import migrate

    async def empty(_request: pb.RaiseAlertRequest, _context: object) -> pb.RaiseAlertResponse:
        return pb.RaiseAlertResponse(alert_count=1)

    def add_empty(server: grpc.aio.Server) -> None:
        handler = grpc.unary_unary_rpc_method_handler(
            empty, pb.RaiseAlertRequest.FromString, pb.RaiseAlertResponse.SerializeToString
        )
        server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler("bench.v1.BenchService", {"Empty": handler})]
        )

    os.environ |= {"PAGERD_DATA": data, "PAGER_DATABASE_URL": database_url, "PAGER_LISTEN": "127.0.0.1:0"}
    os.environ |= {"PAGER_CATCH_ALL_EMAIL": "bench@example.com", "PAGERD_LOG_LEVEL": "error"}
    from pager_grpc.runtime.logs import configure_logs

    configure_logs("pager", "error")
    if not database_url.startswith("sqlite"):
        database = open_database(database_url)
        await migrate(database, "pager")
        await database.close()
    async with running_pager(PagerSettings(), also_serve=add_empty, paging=paging) as port:
        pipe.send(port)
        loop = asyncio.get_running_loop()
        while (await loop.run_in_executor(None, pipe.recv)) == "cpu":
            usage = resource.getrusage(resource.RUSAGE_SELF)
            pipe.send(usage.ru_utime + usage.ru_stime)


async def load(target: str, method: str, bodies: list[bytes], in_flight: int) -> float:
    """Calls a second up to the last completion; any status but OK ends the run."""
    async with grpc.aio.insecure_channel(target) as channel:
        call = channel.unary_unary(method)
        await asyncio.gather(*(call(bodies[0]) for _ in range(1)))
        queue = iter(bodies[1:])

        async def worker() -> None:
            for body in queue:
                await call(body)

        begin = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(in_flight)))
        return (len(bodies) - 1) / (time.perf_counter() - begin)


def bodies(count: int, *, new_share: float) -> list[bytes]:
    """Requests for new services, and repeats for a few that are open."""
    every, batch = round(1 / new_share), f"{time.time_ns() // 1_000_000:x}"
    return [
        pb.RaiseAlertRequest(
            monitored_service_id=f"shop-eu-west-1-{batch}-{n:06d}" if n % every == 0 else f"open-{n % OPEN_SERVICES}",
            message="p99 latency of checkout is above two seconds for five minutes in eu-west-1",
            details="dashboards and runbook: see the links of the service catalogue",
            request_id=uuid.uuid4().hex,
        ).SerializeToString()
        for n in range(count)
    ]


def main() -> None:
    """Runs the rounds and prints the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database-url")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--calls", type=int, default=3000)
    parser.add_argument("--in-flight", type=int, default=128)
    parser.add_argument("--paging", action="store_true", help="let the same process page too (no notifier is there)")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pager-bench-") as data:
        url = options.database_url or f"sqlite+aiosqlite:///{data}/pager.db"
        here, there = mp.Pipe()
        server = mp.get_context("spawn").Process(target=serve, args=(there, url, data, options.paging))
        server.start()
        target = f"127.0.0.1:{here.recv()}"

        def cpu() -> float:
            here.send("cpu")
            return float(here.recv())

        def side(method: str, share: float) -> tuple[float, float]:
            requests = bodies(options.calls, new_share=share)
            before = cpu()
            rate = asyncio.run(load(target, method, requests, options.in_flight))
            return rate, (cpu() - before) / len(requests) * 1e6

        rounds = []
        side(RAISE, 1.0)  # warm
        for number in range(options.rounds):
            measured = {
                "empty": side(EMPTY, 1.0),
                "new": side(RAISE, 1.0),
                "empty_again": side(EMPTY, 1.0),
                "repeats": side(RAISE, 0.05),
            }
            rounds.append(measured)
            print(
                f"round {number + 1}: " + "  ".join(f"{k} {r:,.0f}/s {c:.0f}µs" for k, (r, c) in measured.items()),
                flush=True,
            )

        stored = asyncio.run(count_incidents(target))
        here.send("stop")
        server.join(20)
    report(rounds, stored, options)


async def count_incidents(target: str) -> int:
    """How many incidents the server has: every new one must be there."""
    async with grpc.aio.insecure_channel(target) as channel:
        stub, token, count = pb_grpc.PagerServiceStub(channel), "", 0
        while True:
            page = await stub.ListIncidents(pb.ListIncidentsRequest(page_size=1000, page_token=token))
            count, token = count + len(page.incidents), page.next_page_token
            if not token:
                return count


def report(rounds: list[dict[str, tuple[float, float]]], stored: int, options: argparse.Namespace) -> None:
    """Ratios with their ranges; exits 1 if stored incidents are missing."""
    new_each = options.calls
    repeats_new = len(range(0, options.calls, 20))
    wanted = new_each * (len(rounds) + 1) + repeats_new * len(rounds) + min(OPEN_SERVICES, options.calls - repeats_new)
    base = [statistics.mean((r["empty"][0], r["empty_again"][0])) for r in rounds]
    result = {"stored_incidents": stored, "wanted_incidents": wanted, "machine": platform.platform(), "rounds": rounds}
    for name in ("new", "repeats"):
        ratios = sorted(r[name][0] / b for r, b in zip(rounds, base, strict=True))
        result[name] = {"median": statistics.median(ratios), "range": [ratios[0], ratios[-1]]}
        low, high = ratios[0], ratios[-1]
        print(f"durable RaiseAlert ({name}) ÷ empty call: {statistics.median(ratios):.2f} [{low:.2f}-{high:.2f}]")
    print(f"incidents stored: {stored}, wanted about {wanted}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))
    if stored < new_each * (len(rounds) + 1):
        sys.exit("incidents are missing")


if __name__ == "__main__":
    main()
