"""`python -m bench.scale`: the tables of docs/scale.md. `--measure` first measures the costs (about ten minutes)."""

import argparse
import asyncio
import json
import sys

from bench import machine, results
from bench.scale.costs import MEASURED, Costs, measured
from bench.scale.model import STEPS, Machines, Seen, Traffic, simulated
from bench.scale.sizing import Need, needed

RATES = (10, 100, 1_000, 3_000, 10_000, 30_000, 100_000)
UNARY = Traffic(0)
STREAM = Traffic(0, message=64, with_request_ids=False)
_HEADINGS = "| alerts/s | cells | replicas | alerts a batch | p50 ms | p99 ms | commits/s | busiest | one size less: |"


def main() -> None:
    """Prints Markdown."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--measure", action="store_true", help="measure the costs on this machine and keep them")
    options = parser.parse_args()
    if options.measure:
        measure()
    costs = Costs.of(measured())
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
    print(_hot(costs))


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


def _table(needs: list[Need]) -> str:
    lines = [_HEADINGS, "|--:|--:|--:|--:|--:|--:|--:|---|---|"]
    for need in needs:
        seen = need.seen
        share = f"{seen.busiest} {seen.busy[seen.busiest]:.0%}"
        lines.append(
            f"| {need.traffic.rate:,} | {need.machines.cells} | {need.machines.replicas} | {seen.batch:.0f}"
            f" | {seen.answer_seconds(0.5) * 1e3:.0f} | {seen.answer_seconds(0.99) * 1e3:.0f}"
            f" | {seen.batches / seen.seconds:,.0f} | {share} | {need.limit} |"
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
    waits = f"A unary call alone: {costs.call * 1e6:,.0f} µs. A batch waits {costs.waits * 1e3:.1f} ms besides."
    return "\n".join([*lines, "", waits])


def _checks(costs: Costs) -> str:
    """What the model says about what was measured otherwise than its costs were."""
    found, hot = measured(), json.loads(MEASURED.read_text())["measured"]["hot service"]
    unary, streams = _here(costs, new=1.0), _here(costs, new=1.0, message=64, in_flight=4)
    one, two = (_here(costs, replicas=n, new=0.0, services=1, with_request_ids=False) for n in (1, 2))
    pairs = [
        ("RaiseAlert, 128 in flight, alerts/s", unary.rate, found["unary"]["rate"]),
        ("the same, alerts a batch", unary.batch, found["unary"]["batch"]),
        ("RaiseAlerts, four streams of 64, alerts/s", streams.rate, found["four_streams"]),
        ("one hot service, one replica, alerts/s", one.rate, hot["one_pager"]),
        ("one hot service, two replicas, alerts/s", two.rate, hot["two_pagers"]),
    ]
    lines = [f"| {what} | {said:,.0f} | {was:,.0f} | {said / was - 1:+.0%} |" for what, said, was in pairs]
    return "\n".join(["| check | model | measured | error |", "|---|--:|--:|--:|", *lines])


def _here(costs: Costs, *, replicas: int = 1, in_flight: int = 128, **traffic: object) -> Seen:
    """As it was measured: everything on one machine of two cores, whose waits are in the costs."""
    here = Machines(replicas=replicas, database_processors=2, round_trip=costs.waits / STEPS, sync=0.0)
    asked = Traffic(0, in_flight=in_flight, **traffic)  # type: ignore[arg-type]  # names of its fields
    return simulated(here, asked, costs, seconds=4)


def _hot(costs: Costs) -> str:
    """What one service can take, however many replicas there are."""
    lines = ["| replicas | sticky | alerts/s of one service | hottest row |", "|--:|---|--:|--:|"]
    for replicas, sticky in ((1, False), (2, False), (4, False), (8, False), (8, True)):
        machines = Machines(replicas=replicas, sticky=sticky)
        traffic = Traffic(0, new=0.0, services=1, in_flight=256, with_request_ids=False)
        seen = simulated(machines, traffic, costs)
        lines.append(
            f"| {replicas} | {'yes' if sticky else 'no'} | {seen.rate:,.0f} | {seen.busy['hottest row']:.0%} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
