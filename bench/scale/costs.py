"""What one batch of alerts costs, as straight lines through what was measured. Seconds and bytes; pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression, median
from typing import Any, Self

MEASURED = Path(__file__).with_name("costs.json")
_REPEATED_SERVICES = 50
"""Over how many services the measured repeats are spread; see ``measuring.py``."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a batch holds: alerts, of which some open incidents; the others repeat so many open ones."""

    alerts: int
    opening: int = 0
    repeated_services: int = 0
    with_request_ids: bool = True


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one resource: for a batch whatever it holds, and for each thing in it."""

    batch: float
    alert: float
    request_id: float
    line: float
    opening: float

    def of(self, load: Load) -> float:
        """Of a batch."""
        ids = load.alerts if load.with_request_ids else 0
        lines = load.repeated_services + load.opening
        return (
            self.batch + self.alert * load.alerts + self.request_id * ids + self.line * lines
            + self.opening * load.opening
        )  # fmt: skip

    @classmethod
    def through(cls, batches: Mapping[str, Sequence[Mapping[str, float]]], resource: str, unit: float) -> Self:
        """Each part is what two measured loads differ by, and never less than nothing."""
        sizes = [batch["alerts"] for batch in batches["new"]]
        hot, spread, with_ids, new = (
            [batch[resource] * unit for batch in batches[kind]]
            for kind in ("one hot service", "repeats without request ids", "repeats", "new")
        )
        lines = [min(size, _REPEATED_SERVICES) for size in sizes]
        alert = _slope(sizes, hot)
        line = _slope(lines, [cost - alert * size for cost, size in zip(spread, sizes, strict=True)])
        request_id = _slope(sizes, [b - a for a, b in zip(spread, with_ids, strict=True)])
        batch = max(0.0, median(cost - alert * size - line for cost, size in zip(hot, sizes, strict=True)))
        rest = [cost - batch - (alert + request_id + line) * size for cost, size in zip(new, sizes, strict=True)]
        opening = max(0.0, linear_regression(sizes, rest, proportional=True).slope)
        return cls(batch, alert, request_id, line, opening)


@dataclass(frozen=True, slots=True)
class Costs:
    """Of a pager on PostgreSQL; ``call`` is what a unary call costs the pager beside its batch."""

    pager: Cost
    database: Cost
    wal: Cost
    call: float

    @classmethod
    def of(cls, measured: Mapping[str, Any]) -> Self:
        """From what ``measuring.py`` found on one engine."""
        batches, unary = measured["batches"], measured["unary"]
        pager = Cost.through(batches, "pager_us", 1e-6)
        alerts = round(unary["batch"])
        return cls(
            pager=pager,
            database=Cost.through(batches, "database_us", 1e-6),
            wal=Cost.through(batches, "wal_bytes", 1),
            call=unary["pager_us"] * 1e-6 - pager.of(Load(alerts, opening=alerts)) / alerts,
        )


def measured(path: Path = MEASURED) -> Mapping[str, Any]:
    """What was measured, by engine."""
    found: Mapping[str, Any] = json.loads(path.read_text())["measured"]
    return found


def _slope(sizes: Sequence[float], costs: Sequence[float]) -> float:
    return max(0.0, linear_regression(sizes, costs).slope)
