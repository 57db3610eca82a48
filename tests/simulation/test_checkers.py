from dataclasses import replace
from datetime import timedelta

import pytest
from builders import NOON, a_level, a_policy, a_service, an_alert, current
from simulation.checkers import violations
from simulation.history import Call, Fault, HandOff, History, LedgerLine, read, write
from simulation.moments import Bounds

from pager_domain.pager.audit import IncidentRecord, PageRecord
from pager_domain.pager.events import Acknowledgement, NotificationSettled, Outcome, Timeout
from pager_domain.pager.model import recorded
from pager_domain.pager.service import PagerService

T = NOON.timestamp()


def a_history() -> History:
    """One raise, heard twice; level 1 with two pages, handed off within a second; acknowledged after ten seconds."""
    opened = PagerService.on_alert(a_service(), an_alert(), lambda: "i-1", NOON)
    fired = PagerService.on_timeout(opened.service, Timeout(NOON), current(a_policy(levels=[a_level(1), a_level(2)])))
    answered = PagerService.on_acknowledgement(fired.service, Acknowledgement("ana"), NOON)
    ends = [
        NotificationSettled(page.notification_id, page.notified, 1, 1, Outcome.HANDED_OFF)
        for page in fired.notifications
    ]
    incident, lines = recorded(answered.incident, NOON, *ends)
    events = (*opened.events, *fired.events, *answered.events, *lines)
    pages = tuple(PageRecord(page, Outcome.HANDED_OFF) for page in fired.notifications)
    ids = [page.notification_id for page in fired.notifications]
    return History(
        calls=[
            Call("raise", "checkout", "r-1", T, T + 1, "unknown"),
            Call("raise", "checkout", "r-1", T + 1, T + 2, "ok", "i-1", changed=True, alert_count=1),
            Call("acknowledge", "checkout", "", T + 10, T + 11, "ok", "i-1", changed=True),
        ],
        hand_offs=[HandOff(page_id, "somebody", T + 1) for page_id in ids],
        faults=[Fault("kill -9", T - 100, T - 90)],
        incidents=[IncidentRecord(incident, events, pages, is_current=True)],
        ledger={page_id: LedgerLine(page_id, "accepted", 1, 0) for page_id in ids},
    )


def moved(history, *, level=0.0):
    """The level fired this many seconds later."""
    (record,) = history.incidents
    shift = {2: level}
    events = tuple(
        replace(e, at=NOON.fromtimestamp(e.at.timestamp() + shift.get(e.sequence, 0), NOON.tzinfo))
        for e in record.events
    )
    history.incidents = [replace(record, events=events)]


def owed(history):
    (record,) = history.incidents
    history.incidents = [replace(record, pages=(replace(record.pages[0], outcome=None), *record.pages[1:]))]


def twice(history, doubts, extra=1):
    history.hand_offs += [history.hand_offs[0]] * extra
    page = history.hand_offs[0].delivery_id
    history.ledger[page] = LedgerLine(page, "accepted", 1 + doubts, doubts)


def never_paged(history):
    (record,) = history.incidents
    incident = replace(record.incident, event_count=1, cycle=0, level=0)
    history.incidents = [replace(record, incident=incident, events=record.events[:1], pages=())]


def bundled(history):
    """The second page went in a bundle, which a provider took under its own id."""
    (record,) = history.incidents
    *events, end = record.events
    page = replace(record.pages[1], outcome=Outcome.MERGED, bundle_id="b-1", bundle_outcome=Outcome.HANDED_OFF)
    told = replace(end, what=replace(end.what, outcome=Outcome.MERGED, bundle_id="b-1"))
    history.incidents = [replace(record, events=(*events, told), pages=(record.pages[0], page))]
    history.hand_offs[1] = replace(history.hand_offs[1], delivery_id="b-1")
    history.ledger = {**history.ledger, "b-1": LedgerLine("b-1", "accepted", 1, 0)}
    return history


def due_later(history, seconds):
    """The first page was planned for so long after its level."""
    (record,) = history.incidents
    delay = timedelta(seconds=seconds)
    first, *others = record.pages
    page = replace(first, notification=replace(first.notification, delay=delay))
    fired = record.events[1]
    targets = (replace(fired.what.targets[0], delays=(delay,)), *fired.what.targets[1:])
    told = replace(fired, what=replace(fired.what, targets=targets))
    ended = [
        replace(event, at=event.at + delay) if isinstance(event.what, NotificationSettled) else event
        for event in record.events[2:]
    ]
    history.incidents = [replace(record, pages=(page, *others), events=(record.events[0], told, *ended))]
    return history


def dropped(history):
    (record,) = history.incidents
    history.incidents = [replace(record, pages=record.pages[:1])]


SPOILT = {
    "S1 an accepted raise is not counted": lambda h: h.calls.append(replace(h.calls[1], request_id="r-2")),
    "S1 the incident is gone": lambda h: h.calls.append(replace(h.calls[1], incident_id="i-2")),
    "S1 a raise that was refused is counted": lambda h: h.calls.__setitem__(
        slice(0, 2), [replace(call, outcome="fail") for call in h.calls[:2]]
    ),
    "S2 one request, two incidents": lambda h: h.calls.append(replace(h.calls[1], incident_id="i-9")),
    "S2 two at a time": lambda h: h.incidents.append(h.incidents[0]),
    "S3 owed for ever": owed,
    "S3 not in the log of the provider": lambda h: h.hand_offs.pop(),
    "S4 twice without a doubt": lambda h: twice(h, doubts=0),
    "S4 twice and not marked": lambda h: twice(h, doubts=1),
    "S4 four times": lambda h: twice(h, doubts=3, extra=3),
    "S4 the ledger knows nothing": lambda h: h.ledger.clear(),
    "S6 before it was due": lambda h: due_later(h, 2),
    "S7 long after the answer": lambda h: h.hand_offs.append(replace(h.hand_offs[0], at=T + 17)),
    "S9 nobody was paged": never_paged,
    "S3 merged into a bundle that no provider has": lambda h: bundled(h).hand_offs.pop(),
    "S4 a bundle twice without a doubt": lambda h: bundled(h).hand_offs.append(h.hand_offs[1]),
    "S7 a bundle long after all its incidents were answered": lambda h: bundled(h).hand_offs.append(
        replace(h.hand_offs[1], at=T + 17)
    ),
    "S11 a page is dropped": dropped,
    "L1 the first page is late": lambda h: h.__setattr__("hand_offs", [replace(x, at=T + 6) for x in h.hand_offs]),
    "L2 the level is late": lambda h: moved(h, level=3),
}


def test_a_good_history_breaks_no_promise():
    assert violations(a_history()) == []
    assert violations(bundled(a_history())) == []
    assert violations(due_later(a_history(), 1)) == []


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_history_is_noticed_under_the_name_of_its_promise(name):
    history = a_history()
    SPOILT[name](history)
    assert name.split()[0].replace("L1", "L1-L3").replace("L2", "L1-L3") in {v.split()[0] for v in violations(history)}


def test_l3_after_a_fault_there_are_fifteen_seconds():
    history = a_history()
    history.faults = [Fault("partition", T, T + 60)]
    history.hand_offs = [replace(hand_off, at=T + 75) for hand_off in history.hand_offs]
    history.calls[2] = replace(history.calls[2], ended=T + 80)
    moved(history, level=75)
    assert violations(history) == []
    moved(history, level=1)
    history.hand_offs = [replace(hand_off, at=T + 76) for hand_off in history.hand_offs]
    assert [v.split()[0] for v in violations(history)] == ["L1-L3", "L1-L3"]


@pytest.mark.parametrize(("left", "kept"), [(29, True), (48, False)])
def test_l1_a_message_that_left_while_the_clock_was_wrong_holds_up_the_next_one_by_that_clock(left, kept):
    """Set 60 s ahead for 4 s: by the pager's clock the two messages are 30 s apart, and by the true one 90 s."""
    history, bounds = a_history(), Bounds(burst=1, interval=30)
    page = history.incidents[0].pages[0].notification
    history.faults = [Fault("clock of pager +60 s", T - 62, T + 2)]
    history.hand_offs = [HandOff(page.notification_id, page.address, T + left)]
    assert "L1-L3" in {v.split()[0] for v in violations(history, bounds)}
    history.hand_offs.append(HandOff("of-another-incident", page.address, T - 61))
    assert ("L1-L3" not in {v.split()[0] for v in violations(history, bounds)}) is kept


def test_s7_what_a_fault_held_back_may_leave_soon_after_it():
    history = a_history()
    history.faults = [Fault("partition", T + 5, T + 40)]
    bounds = Bounds(holds_back=("partition",))
    history.hand_offs.append(replace(history.hand_offs.pop(), at=T + 44))
    assert [v.split()[0] for v in violations(history)] == ["S7"]
    assert violations(history, bounds) == []
    history.hand_offs.append(replace(history.hand_offs.pop(), at=T + 46))
    assert [v.split()[0] for v in violations(history, bounds)] == ["S7"]


def test_a_history_is_read_as_it_was_written(tmp_path):
    write(a_history(), tmp_path / "history.jsonl")
    assert read(tmp_path / "history.jsonl") == a_history()
