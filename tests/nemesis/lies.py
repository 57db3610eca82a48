"""Lies that are planted into the history of a run: a verdict is worth something only if each of them is noticed."""

from collections.abc import Callable
from dataclasses import replace

from simulation.checkers import violations
from simulation.history import HandOff, History
from simulation.moments import message_of

from pager_domain.pager.events import LevelNotified


def a_raise_is_lost(history: History) -> None:
    call = next(call for call in history.calls if call.operation == "raise" and call.outcome == "ok")
    history.calls.append(replace(call, incident_id="lost"))


def an_incident_is_there_twice(history: History) -> None:
    history.incidents.append(next(iter(history.incidents)))


def a_page_never_left(history: History) -> None:
    page = _a_page(history).delivery_id
    history.hand_offs = [hand_off for hand_off in history.hand_offs if hand_off.delivery_id != page]


def a_page_left_twice(history: History) -> None:
    history.hand_offs.append(_a_page(history))


def a_page_left_much_later(history: History) -> None:
    page = _a_page(history).delivery_id
    late = max(hand_off.at for hand_off in history.hand_offs) + 1000
    record = next(r for r in history.incidents if page in map(message_of, r.pages))
    of_incident = {*map(message_of, record.pages)}
    history.hand_offs = [replace(h, at=late) if h.delivery_id in of_incident else h for h in history.hand_offs]


def a_level_is_forgotten(history: History) -> None:
    number, record = next(
        (number, record)
        for number, record in enumerate(history.incidents)
        if any(isinstance(event.what, LevelNotified) for event in record.events)
    )
    events = tuple(event for event in record.events if not isinstance(event.what, LevelNotified))
    history.incidents[number] = replace(record, events=events)


LIES: dict[Callable[[History], None], str] = {
    a_raise_is_lost: "S1",
    an_incident_is_there_twice: "S2",
    a_page_never_left: "S3",
    a_page_left_twice: "S4",
    a_level_is_forgotten: "S5",
    a_page_left_much_later: "L1-L3",
}
"""Each with the promise that it must seem to break."""


def unnoticed(history: History) -> list[str]:
    """The lies that the checkers believe, or that there was nothing to lie about."""
    return [sentence for lie, promise in LIES.items() if (sentence := _told(history, lie, promise))]


def _told(history: History, lie: Callable[[History], None], promise: str) -> str:
    name = lie.__name__.replace("_", " ")
    before = {what for what in violations(history) if what.startswith(promise)}
    spoilt = History.of(history.records())
    try:
        lie(spoilt)
    except StopIteration:
        return f"too little happened to plant the lie that {name}"
    noticed = {what for what in violations(spoilt) if what.startswith(promise)} - before
    return "" if noticed else f"the lie that {name} is believed"


def _a_page(history: History) -> HandOff:
    """The hand-off of a page that nobody had doubts about and that the store calls handed off."""
    sure = {line.delivery_id for line in history.ledger.values() if line.doubt_count == 0}
    handed = {
        page.notification.notification_id
        for record in history.incidents
        for page in record.pages
        if page.outcome == "handed_off"
    }
    return next(hand_off for hand_off in history.hand_offs if hand_off.delivery_id in sure & handed)
