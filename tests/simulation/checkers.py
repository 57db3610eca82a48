"""Decides the promises S1 to S7, S9 to S11 and L1 to L3 from a history alone.

The history must be quiet: faults have ended, and the run has waited until no page was owed and no level was due.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

from simulation.history import Call, History
from simulation.moments import Bounds, answers_to_pages, deadlines, message_of

from pager_domain.pager import audit
from pager_domain.pager.audit import IncidentRecord
from pager_domain.pager.events import (
    IncidentAcknowledged,
    IncidentResolved,
    LevelNotified,
    NotificationSettled,
    Outcome,
)
from pager_domain.pager.model import IncidentState

MAX_EXTRA_HAND_OFFS = 2
"""W1: a page in doubt is handed over twice more at most."""
_SAME_MOMENT_SECONDS = 0.001


def violations(history: History, bounds: Bounds | None = None) -> list[str]:
    """Every promise that the history breaks, in words."""
    bounds = bounds or Bounds()
    found = [str(violation) for record in history.incidents for violation in audit.violations(record)]
    found += [f"S1 {what}" for what in _accepted_is_kept(history)]
    found += [f"S2 {what}" for what in _one_incident(history)]
    found += [f"S3 {what}" for what in _every_page_ended(history)]
    found += [f"S4 {what}" for what in _not_doubled(history)]
    found += [f"S6 {what}" for what in _not_early(history)]
    found += [f"S7 {what}" for what in _quiet_after_an_answer(history, bounds)]
    found += [f"S9 {what}" for what in _somebody_was_paged(history)]
    found += [f"S11 {what}" for what in _nothing_is_dropped(history)]
    found += [f"L1-L3 {what}" for what in _in_time(history, bounds)]
    return found


def _accepted_is_kept(history: History) -> Iterator[str]:
    """S1: what was answered OK is counted; what was refused is not; what nobody heard of may be either."""
    known = {record.incident.incident_id for record in history.incidents}
    counted: Counter[str] = Counter()
    for record in history.incidents:
        counted[record.incident.monitored_service_id] += record.incident.alert_count
    raises = _raises(history)
    for call in (call for calls in raises.values() for call in calls if call.outcome == "ok"):
        if call.incident_id not in known:
            yield f"raise {call.request_id} was OK, and its incident {call.incident_id} is gone"
    for service in {call.monitored_service_id for calls in raises.values() for call in calls}:
        of_service = [calls for calls in raises.values() if calls[0].monitored_service_id == service]
        sure = sum(any(call.outcome == "ok" for call in calls) for calls in of_service)
        maybe = sum(any(call.outcome != "fail" for call in calls) for calls in of_service)
        if not sure <= counted[service] <= maybe:
            yield f"{service} counted {counted[service]} alerts; {sure} were accepted and {maybe - sure} more may be"


def _one_incident(history: History) -> Iterator[str]:
    """S2: a repeat of a request has the same incident, and a service has one unresolved incident at a time."""
    for request_id, calls in _raises(history).items():
        ids = {call.incident_id for call in calls if call.outcome == "ok"}
        if len(ids) > 1:
            yield f"request {request_id} got the incidents {sorted(ids)}"
    by_service = defaultdict(list)
    for record in history.incidents:
        by_service[record.incident.monitored_service_id].append(record.incident)
    for service, incidents in by_service.items():
        unresolved = [i.incident_id for i in incidents if i.state is not IncidentState.RESOLVED]
        if len(unresolved) > 1:
            yield f"{service} has the unresolved incidents {unresolved}"
        if any(fault.what.startswith("clock") for fault in history.faults):
            continue  # moments of a clock that was set say nothing about order
        for earlier, later in pairwise(sorted(incidents, key=lambda i: i.opened_at)):
            if earlier.resolved_at is None or earlier.resolved_at > later.opened_at:
                yield f"{service}: {later.incident_id} opened before {earlier.incident_id} was resolved"


def _every_page_ended(history: History) -> Iterator[str]:
    """S3: a quiet store owes nothing, and what it calls handed off is in the providers' log."""
    taken = Counter(hand_off.delivery_id for hand_off in history.hand_offs)
    for page in (page for record in history.incidents for page in record.pages):
        page_id = page.notification.notification_id
        if page.outcome is None:
            yield f"page {page_id} is still owed"
        if page.outcome in (Outcome.HANDED_OFF, Outcome.MERGED) and not taken[message_of(page)]:
            yield f"page {page_id} is called {page.outcome}, and no provider has it"


def _not_doubled(history: History) -> Iterator[str]:
    """S4: one hand-off a page; more only for doubts that the ledger counted, two at most, and marked."""
    ends = [e.what for r in history.incidents for e in r.events if isinstance(e.what, NotificationSettled)]
    marks = {end.bundle_id or end.notification_id: end.possibly_duplicated for end in ends}
    for delivery_id, count in Counter(hand_off.delivery_id for hand_off in history.hand_offs).items():
        line = history.ledger.get(delivery_id)
        if line is None or delivery_id not in marks:
            yield f"page {delivery_id} was handed over, and the {'ledger' if line is None else 'timeline'} ignores it"
        elif count - 1 > min(line.doubt_count, MAX_EXTRA_HAND_OFFS):
            yield f"page {delivery_id} was handed over {count} times with {line.doubt_count} doubts"
        elif count > 1 and not marks[delivery_id]:
            yield f"page {delivery_id} was handed over {count} times and is not marked"


def _quiet_after_an_answer(history: History, bounds: Bounds) -> Iterator[str]:
    """S7: pages that were claimed before an answer may still leave, for a few seconds."""
    quiet_from: dict[str, float] = {}
    for record in history.incidents:
        for page, answered in answers_to_pages(record, history):
            # A bundle may leave as long as one of its incidents is open.
            quiet_from[message_of(page)] = max(answered, quiet_from.get(message_of(page), answered))
    for hand_off in history.hand_offs:
        end = quiet_from.get(hand_off.delivery_id, 0.0)
        if hand_off.at > _released(history, bounds, end, hand_off.at) + bounds.after_answer:
            yield f"page {hand_off.delivery_id} left {hand_off.at - end:.1f} s after the answer"


def _not_early(history: History) -> Iterator[str]:
    """S6: no message leaves before its first page is due, by the moments that the store holds."""
    if any("clock" in fault.what for fault in history.faults):
        return  # who looked at a clock that was wrong was not early by it
    due: dict[str, float] = {}
    for record in history.incidents:
        fired = {
            (event.what.cycle, event.what.level): event.at.timestamp()
            for event in record.events
            if isinstance(event.what, LevelNotified)
        }
        for page in record.pages:
            known = page.notification
            moment = fired.get((known.cycle, known.level), -math.inf) + known.delay.total_seconds()
            due[message_of(page)] = min(moment, due.get(message_of(page), math.inf))
    for hand_off in history.hand_offs:
        if hand_off.at < (moment := due.get(hand_off.delivery_id, -math.inf)) - _SAME_MOMENT_SECONDS:
            yield f"page {hand_off.delivery_id} left {moment - hand_off.at:.3f} s before it was due"


def _released(history: History, bounds: Bounds, answered: float, left: float) -> float:
    """When the last fault was over that may have held back what was on its way at the answer."""
    held = [
        min(fault.ended, left)
        for fault in history.faults
        if fault.what.startswith(bounds.holds_back) and fault.began <= left and fault.ended >= answered
    ]
    return max([answered, *held])


def _somebody_was_paged(history: History) -> Iterator[str]:
    """S9: a level was notified, unless somebody answered before."""
    for record in history.incidents:
        kinds = {type(event.what) for event in record.events}
        if not kinds & {LevelNotified, IncidentAcknowledged, IncidentResolved}:
            yield f"{record.incident.incident_id} was raised and nobody was paged"


def _nothing_is_dropped(history: History) -> Iterator[str]:
    """S11: pages decided = handed off + merged + cancelled + undeliverable + in doubt + still owed."""
    decided = sum(
        max(1, len(target.delays))
        for record in history.incidents
        for event in record.events
        if isinstance(event.what, LevelNotified)
        for target in event.what.targets
    )
    ends = Counter(page.outcome for record in history.incidents for page in record.pages)
    if decided != ends.total():
        yield f"{decided} pages were decided, and these are known: {dict(ends)}"


def _in_time(history: History, bounds: Bounds) -> Iterator[str]:
    """L1, L2, L3: the first page, each due level, and everything after a fault."""
    first_hand_off: dict[str, float] = {}
    for hand_off in history.hand_offs:
        first_hand_off[hand_off.delivery_id] = min(hand_off.at, first_hand_off.get(hand_off.delivery_id, hand_off.at))
    for record in history.incidents:
        for name, due, done, bound in deadlines(record, first_hand_off, bounds):
            faults = [f for f in history.faults if f.began <= done and f.ended + bounds.recovery >= due]
            since = max([due, *(fault.ended for fault in faults)])
            allowed = bounds.recovery if faults else bound
            if name == "the first page" and done > since + allowed and _is_busy(record, history, bounds, done):
                allowed += bounds.interval
            if done > since + allowed:
                yield f"{record.incident.incident_id}: {name} {done - since:.1f} s late ({allowed:g} s allowed)"


def _is_busy(record: IncidentRecord, history: History, bounds: Bounds, done: float) -> bool:
    """Whether somebody paged for this incident was owed more than a burst before ``done``.

    A pace goes by the clock of the pager. While that was wrong a message may have left long ago by the true clock and
    yet hold up the next one: then it is looked back from the moment at which the clock was set.
    """
    whom = {page.notification.address for page in record.pages}
    span = (bounds.burst + 1) * bounds.interval
    set_at = [f.began for f in history.faults if f.what.startswith("clock") and f.began <= done <= f.ended + span]
    since = min([done, *set_at]) - span
    left = Counter(h.recipient for h in history.hand_offs if since <= h.at < done)
    owed = Counter(
        page.notification.address
        for other in history.incidents
        for page in other.pages
        if since <= other.incident.opened_at.timestamp() <= done
    )
    return any(left[address] >= bounds.burst or owed[address] > bounds.burst for address in whom)


def _raises(history: History) -> dict[str, list[Call]]:
    """Calls that are one raise: repeats share a request id; without one each call is its own."""
    raises: dict[str, list[Call]] = defaultdict(list)
    for number, call in enumerate(history.calls):
        if call.operation == "raise":
            key = f"{call.monitored_service_id}/{call.request_id}" if call.request_id else f"call {number}"
            raises[key].append(call)
    return raises
