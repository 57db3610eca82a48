"""What a run says of itself."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulation.history import History
from simulation.moments import Bounds, deadlines

from pager_domain.pager.events import LevelNotified


@dataclass
class Lateness:
    """Seconds, by what was awaited."""

    first_page: list[float] = field(default_factory=list)
    escalation: list[float] = field(default_factory=list)
    recovery: list[float] = field(default_factory=list)


def lateness(history: History) -> Lateness:
    """How late things were; ``recovery`` counts from the end of the last fault that was on while they were due."""
    first: dict[str, float] = {}
    for hand_off in history.hand_offs:
        first[hand_off.delivery_id] = min(hand_off.at, first.get(hand_off.delivery_id, hand_off.at))
    found = Lateness()
    for record in history.incidents:
        for name, due, done, _ in deadlines(record, first, Bounds()):
            (found.first_page if name == "the first page" else found.escalation).append(done - due)
            ends = [fault.ended for fault in history.faults if fault.began <= done and due <= fault.ended <= done]
            if ends:
                found.recovery.append(done - max(ends))
    return found


def summary(history: History, kinds: Sequence[str]) -> dict[str, Any]:
    """The figures of a run."""
    late = lateness(history)
    hand_offs = Counter(hand_off.delivery_id for hand_off in history.hand_offs)
    pages = [page for record in history.incidents for page in record.pages]
    return {
        "calls": dict(Counter(f"{call.operation} {call.outcome}" for call in history.calls)),
        "incidents": len(history.incidents),
        "levels": sum(isinstance(e.what, LevelNotified) for record in history.incidents for e in record.events),
        "levels_by_policy_source": dict(
            Counter(
                event.what.policy_source.value
                for record in history.incidents
                for event in record.events
                if isinstance(event.what, LevelNotified)
            )
        ),
        "pages": dict(Counter(str(page.outcome.value if page.outcome else "owed") for page in pages)),
        "hand_offs": len(history.hand_offs),
        "doubled_inside_the_window": sum(count - 1 for count in hand_offs.values()),
        "ledger_doubts": sum(line.doubt_count for line in history.ledger.values()),
        "faults": len(history.faults),
        "faults_by_kind": dict(sorted(Counter(kinds).items())),
        **{f"{name}_seconds": percentiles(values) for name, values in vars(late).items()},
    }


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """By nearest rank."""
    ordered = sorted(values)
    ranks = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {"count": len(ordered)} | {
        name: round(ordered[max(0, math.ceil(rank * len(ordered)) - 1)], 2) for name, rank in ranks.items() if ordered
    }


def lines(figures: dict[str, Any]) -> Iterator[str]:
    """For people."""
    for name, value in figures.items():
        shown = ", ".join(f"{key} {count}" for key, count in value.items()) if isinstance(value, dict) else value
        yield f"  {name.replace('_', ' ')}: {shown}"
