"""A run in words: its violations, the faults and calls it was made of, and its history in the order of time."""

from collections.abc import Iterator

from builders import NOON
from simulation.history import History
from simulation.world import Outcome


def told(outcome: Outcome) -> str:
    """All that helps to understand a run that failed."""
    lines = [f"seed {outcome.seed}", *(f"  {violation}" for violation in outcome.violations)]
    lines += ["made of", *(f"  {name}" for name in outcome.happened), "history", *_in_order(outcome.history)]
    return "\n".join(lines)


def _in_order(history: History) -> list[str]:
    return [f"  {at - NOON.timestamp():10.4f}  {what}" for at, what in sorted(_moments(history))]


def _moments(history: History) -> Iterator[tuple[float, str]]:
    for call in history.calls:
        heard = f"{call.incident_id} changed={call.changed}" if call.outcome == "ok" else ""
        name = f"{call.operation} {call.monitored_service_id} {call.request_id}"
        yield call.began, f"call     {name}"
        yield call.ended, f"answer   {name}: {call.outcome} {heard}"
    for hand_off in history.hand_offs:
        yield hand_off.at, f"taken    {hand_off.delivery_id} for {hand_off.recipient}"
    for fault in history.faults:
        yield fault.began, f"fault    {fault.what} for {fault.ended - fault.began:.3f} s"
    for record in history.incidents:
        for event in record.events:
            yield event.at.timestamp(), f"line {event.sequence:3}  {record.incident.incident_id} {event.what}"
