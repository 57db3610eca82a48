"""How does Prometheus Alertmanager do on this machine? Ingest by 1 and 64 alerts a POST, and POST → webhook.

A peer for comparison: it keeps alerts in memory, and its group_wait is 0 here (30 s by default).
"""

from time import monotonic

from bench.answer import Answer, Row
from bench.effort import Effort
from bench.figures import Figure, distribution, quantile
from bench.load.bodies import FreshServices
from bench.load.http1 import post_all
from bench.rounds import Sample, Side, raw
from bench.servers.alertmanager import (
    ALERTS,
    Alertmanager,
    Webhook,
    is_installed,
    listening_webhook,
    posts,
    running_alertmanager,
    version,
)
from bench.servers.databases import temporary_folder

GOAL = "peer"
CONNECTIONS = 32
WEBHOOK = "webhook"


async def ask(effort: Effort) -> Answer:
    """Three sides in turn."""
    measures = [f"Alertmanager, {size} a POST" for size in (1, 64)] + ["Alertmanager, POST → webhook"]
    if not is_installed():
        return Answer.without_figures(GOAL, "not installed: make bench-peers", *measures)
    count = effort.pick(full=20_480, quick=5_120)
    with temporary_folder() as folder:
        async with listening_webhook() as (webhook, port), running_alertmanager(folder, port) as peer:
            sides = {
                "1": _ingest(peer, count, 1),
                "64": _ingest(peer, count, 64),
                WEBHOOK: _to_webhook(peer, webhook, count // 200),
            }
            rounds = await effort.rounds(full=5, quick=2).in_turn(sides)
    rates = [
        Row(GOAL, measure, Figure.of(each[size].figure for each in rounds), "alerts/s")
        for measure, size in zip(measures, ("1", "64"), strict=False)
    ]
    latencies = [
        Row(GOAL, f"{measures[2]}, {share}", Figure.of(each[WEBHOOK].more[share] for each in rounds), "ms")
        for share in ("p50", "p99")
    ]
    return Answer([*rates, *latencies], raw={"rounds": raw(rounds), "version": version()})


def _ingest(peer: Alertmanager, count: int, size: int) -> Side:
    instances = FreshServices("instance")

    async def measured() -> Sample:
        return Sample(size * await post_all(peer.port, ALERTS, posts("load", instances.take(count), size), CONNECTIONS))

    return measured


def _to_webhook(peer: Alertmanager, webhook: Webhook, count: int) -> Side:
    """One probe at a time; the figure is the p50 in milliseconds."""
    instances = FreshServices("probe")

    async def measured() -> Sample:
        ms = []
        for body in posts("probe", instances.take(count), 1):
            begun = monotonic()
            await post_all(peer.port, ALERTS, [body], 1)
            ms.append((await webhook.heard.get() - begun) * 1e3)
        shares = {"p50": quantile(ms, 0.5), "p99": quantile(ms, 0.99)}
        return Sample(shares["p50"], {**shares, "ms": distribution(ms)})

    return measured
