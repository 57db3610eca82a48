"""`python -m bench.scale`: the tables of docs/scale.md. `--measure` first measures the costs (about ten minutes)."""

import argparse
import asyncio
import json
import sys
from dataclasses import replace

from bench import machine, results
from bench.scale.costs import MEASURED, Costs, measured
from bench.scale.model import simulated
from bench.scale.scenario import Machines, Seen, Traffic
from bench.scale.sizing import Need, needed
from bench.table import shown

RATES = (10, 100, 1_000, 3_000, 10_000, 30_000, 100_000)
_LEVERS_AT = 30_000
UNARY = Traffic(0)
STREAM = Traffic(0, message=64, with_request_ids=False)
_HEADINGS = (
    "| alerts/s | cells | replicas | alerts a batch | p50 ms | p99 ms | commits/s | lines/s | WAL MB/s | busiest"
    " | one size less |"
)


def main() -> None:
    """Prints Markdown."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--measure", action="store_true", help="measure the costs on this machine and keep them")
    options = parser.parse_args()
    if options.measure:
        measure()
    costs = Costs.of(measured()["PostgreSQL"])
    print(f"{_costs(costs)}\n\n{_checks(costs)}\n")
    tables: dict[str, list[Need]] = {"RaiseAlert": [], "RaiseAlerts": []}
    for name, needs in tables.items():
        faults = []
        for rate in RATES:
            try:
                needs.append(_need(rate, name, costs))
            except ValueError as fault:
                faults.append(str(fault))
        print("\n\n".join([f"{name}:", _table(needs), *faults]) + "\n")
    print(f"{_levers(costs)}\n\n{_hot(costs)}")


def measure() -> None:
    """Writes ``costs.json``."""
    from bench.scale.measuring import measured as measuring

    circumstances = {"at": results.now(), "machine": machine.machine(), "versions": machine.versions()}
    found = asyncio.run(measuring())
    MEASURED.write_text(json.dumps(circumstances | {"measured": found}, indent=1) + "\n")
    sys.stderr.write(f"{MEASURED.name} is new\n")


def _need(rate: int, name: str, costs: Costs) -> Need:
    of = UNARY if name == "RaiseAlert" else STREAM
    traffic = Traffic(rate, message=of.message, with_request_ids=of.with_request_ids)
    return needed(traffic, Machines(sticky=True), costs)


def _levers(costs: Costs) -> str:
    """What one thing alone changes about a size."""
    base, sticky = replace(STREAM, rate=_LEVERS_AT), Machines(sticky=True)
    tries = {
        "as in the table": (base, sticky),
        "any replica takes any service": (base, replace(sticky, sticky=False)),
        "256 alerts a message": (replace(base, message=256), sticky),
        "8 alerts a message": (replace(base, message=8), sticky),
        "with request ids": (replace(base, with_request_ids=True), sticky),
        "half of the alerts open incidents": (replace(base, new=0.5), sticky),
        "all services are equally loud": (replace(base, zipf=0.0), sticky),
        "a sync takes 5 ms": (base, replace(sticky, sync=0.005)),
        "a round trip takes 1 ms": (base, replace(sticky, round_trip=0.001)),
        "commits NOTIFY": (base, replace(sticky, notifies=True)),
    }
    lines = ["| changed | cells | replicas | alerts a batch | p99 ms | busiest |", "|---|--:|--:|--:|--:|---|"]
    return "\n".join([*lines, *(_lever(name, *tried, costs) for name, tried in tries.items())])


def _lever(name: str, traffic: Traffic, machines: Machines, costs: Costs) -> str:
    try:
        need = needed(traffic, machines, costs)
    except ValueError as fault:
        return f"| {name} | {fault} | | | | |"
    seen = need.seen
    return (
        f"| {name} | {need.machines.cells} | {need.machines.replicas} | {seen.batch:.0f}"
        f" | {seen.answer_seconds(0.99) * 1e3:.0f} | {seen.busiest} {seen.busy[seen.busiest]:.0%} |"
    )


def _table(needs: list[Need]) -> str:
    lines = [_HEADINGS, "|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|---|"]
    for need in needs:
        seen = need.seen
        share = f"{seen.busiest} {seen.busy[seen.busiest]:.0%}"
        lines.append(
            f"| {need.traffic.rate:,} | {need.machines.cells} | {need.machines.replicas} | {seen.batch:.0f}"
            f" | {seen.answer_seconds(0.5) * 1e3:.0f} | {seen.answer_seconds(0.99) * 1e3:.0f}"
            f" | {seen.batches / seen.seconds:,.0f} | {seen.lines / seen.seconds:,.0f}"
            f" | {shown(seen.wal_bytes / seen.seconds / 1e6)} | {share} | {need.limit} |"
        )
    return "\n".join(lines)


def _costs(costs: Costs) -> str:
    lines = ["| costs | a batch | an alert | a request id | a line | an incident opened |", "|---|--:|--:|--:|--:|--:|"]
    for name, cost, unit in (
        ("pager, µs", costs.pager, 1e6),
        ("database, µs", costs.database, 1e6),
        ("WAL, bytes", costs.wal, 1),
    ):
        parts = (cost.batch, cost.alert, cost.request_id, cost.line, cost.opening)
        lines.append(f"| {name} | " + " | ".join(f"{part * unit:,.0f}" for part in parts) + " |")
    return "\n".join([*lines, "", f"A unary call costs the pager {costs.call * 1e6:,.0f} µs beside its batch."])


def _checks(costs: Costs) -> str:
    """What the model says about what was measured otherwise than its costs were; ratios, measured in turn."""
    found = measured()
    unary, hot = found["PostgreSQL"]["unary"], found["hot service"]
    new = _here(costs, new=1.0)
    one, two = (_here(costs, replicas=n, new=0.0, services=1, with_request_ids=False) for n in (1, 2))
    pairs = [
        ("RaiseAlert, new, 128 in flight ÷ the empty call", new.rate * unary["empty_us"] * 1e-6, unary["ratio"]),
        ("the same, alerts a batch", new.batch, unary["batch"]),
        ("one hot service, two replicas ÷ one", two.rate / one.rate, hot),
    ]
    lines = [f"| {what} | {shown(said)} | {shown(was)} | {said / was - 1:+.0%} |" for what, said, was in pairs]
    return "\n".join(["| check | model | measured | error |", "|---|--:|--:|--:|", *lines])


def _here(costs: Costs, *, replicas: int = 1, **traffic: object) -> Seen:
    """As it was measured: two cores, one of them for the database and the load, over a socket of the machine."""
    here = Machines(replicas=replicas, database_processors=1, round_trip=0.0001, sync=_sync_seconds())
    asked = Traffic(0, in_flight=128, **traffic)  # type: ignore[arg-type]  # names of its fields
    return simulated(here, asked, costs, seconds=4)


def _sync_seconds() -> float:
    seconds: float = json.loads(MEASURED.read_text())["machine"]["fsync_ms"]["p50"] / 1e3
    return seconds


def _hot(costs: Costs) -> str:
    """What one service can take when any replica takes its alerts."""
    lines = ["| replicas | repeats/s of one service | its row is held |", "|--:|--:|--:|"]
    for replicas in (1, 2, 4, 8, 16, 32):
        traffic = Traffic(0, new=0.0, services=1, in_flight=128, with_request_ids=False)
        seen = simulated(Machines(replicas=replicas), traffic, costs)
        lines.append(f"| {replicas} | {seen.rate:,.0f} | {seen.busy['hottest service']:.0%} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
