"""`make nemesis`: a cluster of real processes, random faults from a seed, and a verdict over the history.

Exit code 0 if every promise was kept, 1 if not; the seed is printed and the files stay in the output folder.
"""

import argparse
import asyncio
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from nemesis.aftermath import bundles, ledger, loud_lines, quiet, stored, unanswered
from nemesis.callers import Callers
from nemesis.cluster import Cluster
from nemesis.lies import unnoticed
from nemesis.network import Loopback, Namespaces, enter_private_world
from nemesis.report import lines, summary
from nemesis.storms import Storms
from nemesis.streams import Streams
from simulation.checkers import violations
from simulation.history import History, write
from simulation.moments import Bounds

BOUNDS = Bounds(holds_back=("pause", "partition", "slow"))


def say(line: str) -> None:
    """One line of progress."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """The program."""
    options = _options(sys.argv[1:])
    if not options.loopback:
        reason = enter_private_world("nemesis.run", [*sys.argv[1:], "--seed", str(options.seed)])
        if reason:
            say(f"NOTE: network namespaces are not permitted here ({reason}).")
            options.loopback = True
    return asyncio.run(_run(options))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))  # noqa: S311 - no secret
    parser.add_argument("--output", type=Path, help="a folder; by default var/nemesis/SEED")
    parser.add_argument("--only", default="", help="only faults whose kind contains this, one at a time")
    parser.add_argument("--loopback", action="store_true", help="TCP relays also where namespaces are permitted")
    return parser.parse_args(arguments)


async def _run(options: argparse.Namespace) -> int:
    folder = (options.output or Path("var/nemesis") / str(options.seed)).absolute()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    short = Path(tempfile.mkdtemp(prefix="pager-nemesis-"))
    network = Loopback() if options.loopback else Namespaces()
    say(f"nemesis: seed {options.seed}, {options.minutes:g} minutes, {network.kind}, files in {folder}")
    if options.loopback:
        say("NOTE: TCP relays on loopback make the partitions; the database's disk is not filled.")
    cluster = Cluster(network, folder, short, random.Random(options.seed))  # noqa: S311
    try:
        await cluster.start()
        found, figures = await _story(options, cluster, folder)
    finally:
        codes = await cluster.stop()
        shutil.rmtree(short, ignore_errors=True)
    found += [f"{name} left with exit code {code}" for name, code in codes.items() if code]
    return _verdict(options.seed, folder, found, figures)


async def _story(options: argparse.Namespace, cluster: Cluster, folder: Path) -> tuple[list[str], dict]:
    callers = Callers(cluster, random.Random(f"callers {options.seed}"), intervenes=0.2)  # noqa: S311
    streams = Streams(cluster, random.Random(f"streams {options.seed}"))  # noqa: S311
    storms = Storms(cluster, random.Random(f"storms {options.seed}"), options.only)  # noqa: S311
    over = asyncio.Event()
    progress = asyncio.create_task(_progress([callers, streams], storms))
    calling = asyncio.gather(callers.call_until(over), streams.call_until(over))
    await storms.rage(options.minutes * 60)
    over.set()
    await calling
    progress.cancel()
    say("peace: waiting until nothing is owed")
    found = await quiet(cluster)
    calls = sorted([*callers.calls, *streams.calls], key=lambda call: call.ended)
    history = History(calls=calls, faults=sorted(storms.faults, key=lambda fault: fault.began))
    history.incidents = await stored(cluster)
    history.ledger = await ledger(cluster)
    history.hand_offs = cluster.providers.hand_offs(history.incidents, await bundles(cluster))
    write(history, folder / "history.jsonl")
    figures = summary(history, storms.kinds)
    figures["rooms_that_ended_by_themselves"] = dict(
        _counted(f"{end.name} ({end.code})" for end in cluster.ends() if not end.asked)
    )
    figures["alerts_by_stream"] = dict(_counted(call.outcome for call in streams.calls))
    figures["answers_besides_ok_and_unavailable"] = dict(_counted([*callers.surprises, *streams.surprises]))
    figures["logged_errors"] = dict(loud_lines(folder, cluster.rooms))
    return found + violations(history, BOUNDS) + unanswered(history, BOUNDS) + unnoticed(history), figures


def _counted(names) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return counts


async def _progress(callers: Sequence[Callers | Streams], storms: Storms) -> None:
    began = time.monotonic()
    while True:
        await asyncio.sleep(10)
        now = ", ".join(storms.active) or "calm"
        calls = sum(len(each.calls) for each in callers)
        say(f"{time.monotonic() - began:4.0f} s  {calls} calls, {len(storms.faults)} faults; now: {now}")


def _verdict(seed: int, folder: Path, found: list[str], figures: dict) -> int:
    (folder / "summary.json").write_text(json.dumps(figures | {"seed": seed, "violations": found}, indent=2))
    for line in lines(figures):
        say(line)
    for violation in found:
        say(f"VIOLATION {violation}")
    say(f"seed {seed}: {len(found)} promises broken" if found else f"seed {seed}: every promise was kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
