from dataclasses import replace
from datetime import timedelta

import pytest
from builders import CHECKOUT, MINUTES_15, NOON, a_level, a_level_of, a_person, a_policy, a_service, an_alert, current

from pager_domain.pager.audit import IncidentRecord, PageRecord, violations
from pager_domain.pager.audit_timeline import answers_stop_it
from pager_domain.pager.events import (
    Acknowledgement,
    AlertRepeated,
    HealthyEvent,
    IncidentAcknowledged,
    IncidentEvent,
    LevelNotified,
    NotificationSettled,
    Outcome,
    Timeout,
)
from pager_domain.pager.interventions import IncidentSnoozed
from pager_domain.pager.model import IncidentState, recorded
from pager_domain.pager.service import PagerService


def a_record() -> IncidentRecord:
    """Two alerts, two levels, every page handed off, acknowledged, healthy again."""
    policy = current(a_policy(levels=[a_level(1), a_level(2)]))
    service, events, pages = a_service(), [], []
    now = NOON

    def told(change):
        nonlocal service
        service = change.service
        events.extend(change.events)
        pages.extend(PageRecord(page, Outcome.HANDED_OFF) for page in change.notifications)
        return change.incident

    told(PagerService.on_alert(service, an_alert(), lambda: "incident-1", now))
    told(PagerService.on_alert(service, an_alert("again"), lambda: "never", now))
    for _ in range(2):
        told(PagerService.on_timeout(service, Timeout(now), policy))
        now += MINUTES_15
    told(PagerService.on_acknowledgement(service, Acknowledgement("ana"), now))
    incident = told(PagerService.on_healthy(service, HealthyEvent(), now))
    ends = [
        NotificationSettled(
            page.notification.notification_id,
            page.notification.notified,
            page.notification.cycle,
            page.notification.level,
            Outcome.HANDED_OFF,
        )
        for page in pages
    ]
    incident, lines = recorded(incident, now, *ends)
    return IncidentRecord(incident, (*events, *lines), tuple(pages), is_current=False)


def without(record, kind, which=0):
    """``record`` as if one line of a kind had never been written."""
    (gone, *_) = [event for event in record.events if isinstance(event.what, kind)][which:]
    return replace(record, events=tuple(event for event in record.events if event is not gone))


def with_line(record, what, *, at=None, before=None):
    """``record`` with one more line, numbered as if it belonged there."""
    events = list(record.events)
    place = next(n for n, e in enumerate(events) if isinstance(e.what, before)) if before else len(events)
    first = events[0]
    events.insert(place, IncidentEvent(first.monitored_service_id, first.incident_id, 0, at or events[-1].at, what))
    numbered = tuple(replace(event, sequence=n) for n, event in enumerate(events, start=1))
    return replace(record, events=numbered, incident=replace(record.incident, event_count=len(events)))


def with_incident(record, **changes):
    return replace(record, incident=replace(record.incident, **changes))


def second_level(record):
    return [event for event in record.events if isinstance(event.what, LevelNotified)][1]


def early(record):
    level = second_level(record)
    moved = replace(level, at=level.at - timedelta(seconds=1))
    return replace(record, events=tuple(moved if event is level else event for event in record.events))


def test_a_whole_story_breaks_no_promise():
    assert violations(a_record()) == []


@pytest.mark.parametrize(
    ("promise", "spoil"),
    [
        ("S2", lambda r: replace(r, is_current=True)),
        ("S3", lambda r: replace(r, pages=r.pages[1:])),
        ("S3", lambda r: replace(r, pages=(*r.pages, r.pages[0]))),
        ("S3", lambda r: replace(r, pages=(replace(r.pages[0], outcome=None), *r.pages[1:]))),
        ("S3", lambda r: replace(r, pages=(replace(r.pages[0], outcome=Outcome.CANCELLED), *r.pages[1:]))),
        ("S3", lambda r: with_line(r, r.events[-1].what)),
        ("S5", lambda r: with_line(r, second_level(r).what, at=second_level(r).at, before=IncidentAcknowledged)),
        ("S5", lambda r: without(r, LevelNotified)),
        ("S5", lambda r: with_incident(r, level=1)),
        ("S6", early),
        ("S7", lambda r: with_line(r, second_level(r).what)),
        ("S7", lambda r: with_line(r, AlertRepeated(an_alert(), 3))),
        ("S7", lambda r: with_incident(r, state=IncidentState.ACKNOWLEDGED)),
        ("S9", lambda r: with_incident(r, next_escalation_at=NOON)),
        ("S9", lambda r: with_incident(r, exhausted=True)),
        ("S10", lambda r: without(r, NotificationSettled)),
        ("S10", lambda r: with_incident(r, event_count=99)),
        ("S11", lambda r: without(r, AlertRepeated)),
        ("S11", lambda r: with_incident(r, alert_count=9)),
        ("S11", lambda r: with_line(r, AlertRepeated(an_alert(), 4, 1), before=IncidentAcknowledged)),
        ("S11", lambda r: with_line(r, AlertRepeated(an_alert(), 4, 2), before=IncidentAcknowledged)),
    ],
)
def test_a_spoilt_record_is_noticed_under_the_name_of_its_promise(promise, spoil):
    spoilt = spoil(a_record())
    assert spoilt != a_record()
    assert promise in {violation.promise for violation in violations(spoilt)}


def a_record_of_a_person() -> IncidentRecord:
    """Ana's mail is refused after a minute, so her phone rings then and not after five; ten minutes later is never."""
    ana = a_person("ana", (0, "ana/mail"), (5, "ana/phone"), every=5)
    policy = current(a_policy(levels=[a_level_of(ana, minutes=14)]))
    opened = PagerService.on_alert(a_service(), an_alert(), lambda: "incident-1", NOON)
    fired = PagerService.on_timeout(opened.service, Timeout(NOON), policy)
    mail, phone, again = fired.notifications
    phone = replace(phone, delay=timedelta(minutes=1))
    incident, refused = recorded(fired.incident, NOON + phone.delay, an_end(mail, Outcome.UNDELIVERABLE))
    incident, rung = recorded(incident, NOON + 2 * phone.delay, an_end(phone, Outcome.HANDED_OFF))
    service = replace(fired.service, incident=incident)
    answered = PagerService.on_acknowledgement(service, Acknowledgement("ana"), NOON + 2 * phone.delay)
    never = replace(an_end(again, Outcome.CANCELLED), before_due=True)
    incident, cancelled = recorded(answered.incident, NOON + 2 * phone.delay, never)
    events = (*opened.events, *fired.events, *refused, *rung, *answered.events, *cancelled)
    ended = zip((mail, phone, again), (Outcome.UNDELIVERABLE, Outcome.HANDED_OFF, Outcome.CANCELLED), strict=True)
    return IncidentRecord(incident, events, tuple(PageRecord(*page) for page in ended), is_current=True)


def an_end(page, outcome):
    end = NotificationSettled(page.notification_id, page.notified, page.cycle, page.level, outcome)
    return replace(end, step=page.step)


def with_page(record, number, **changes):
    pages = list(record.pages)
    pages[number] = replace(pages[number], notification=replace(pages[number].notification, **changes))
    return replace(record, pages=tuple(pages))


def with_end(record, number, **changes):
    """``record`` as if the end of a page had other words."""
    ends = [event for event in record.events if isinstance(event.what, NotificationSettled)]
    told = replace(ends[number], what=replace(ends[number].what, **changes))
    return replace(record, events=tuple(told if event is ends[number] else event for event in record.events))


def test_a_story_of_steps_and_a_refusal_breaks_no_promise():
    assert violations(a_record_of_a_person()) == []


@pytest.mark.parametrize(
    ("promise", "spoil"),
    [
        ("S3", lambda r: replace(r, pages=r.pages[:2])),
        ("S3", lambda r: with_page(r, 2, step=0)),
        ("S3", lambda r: with_page(r, 0, person_id="ben")),
        ("S6", lambda r: with_page(r, 1, delay=timedelta(minutes=6))),
        ("S6", lambda r: with_end(r, 0, outcome=Outcome.IN_DOUBT)),
        ("S6", lambda r: with_end(r, 0, target=replace(r.pages[0].notification.notified, person_id="ben"))),
        ("S6", lambda r: with_end(r, 1, before_due=True)),
    ],
)
def test_a_spoilt_story_of_steps_is_noticed(promise, spoil):
    spoilt = spoil(a_record_of_a_person())
    assert spoilt != a_record_of_a_person()
    assert promise in {violation.promise for violation in violations(spoilt)}


def test_an_open_incident_that_nothing_escalates_is_noticed():
    opened = PagerService.on_alert(a_service(), an_alert(), lambda: "incident-1", NOON)
    record = IncidentRecord(replace(opened.incident, next_escalation_at=None), opened.events, (), is_current=True)
    assert [str(v) for v in violations(record)] == ["S9 incident-1: it is open and nothing will escalate it"]


def test_an_acknowledgement_is_given_twice_only_where_the_second_one_ends_a_hold():
    told = [IncidentAcknowledged("ana", ""), IncidentSnoozed("ana", NOON + MINUTES_15), IncidentAcknowledged("ben", "")]
    incident = replace(a_record().incident, state=IncidentState.ACKNOWLEDGED)
    events = [IncidentEvent(CHECKOUT, incident.incident_id, n, NOON, what) for n, what in enumerate(told, start=1)]
    assert list(answers_stop_it(incident, events)) == []
    assert list(answers_stop_it(incident, [events[0], events[2]])) == ["line 3 acknowledges again"]
