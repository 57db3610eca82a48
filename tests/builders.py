"""Services, incidents, policies and requests of the pager by name: the name says how far along the thing is."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from fakes.escalation_policies import FakeEscalationPolicies
from fakes.senders import FakeSenders

from pager_domain.kernel import Clock, MonitoredServiceId, NotificationTarget, TargetId, email_target, sms_target
from pager_domain.pager.application import PagerApplicationService
from pager_domain.pager.events import Acknowledgement, Alert, HealthyEvent, IncidentId, PolicySource, Timeout
from pager_domain.pager.interventions import Assignee, Escalation, Reassignment, Snooze
from pager_domain.pager.levels import (
    EmptyLevel,
    ResolvedLevel,
    ResolvedRule,
    ResolvedStep,
    ResolvedTarget,
    addresses,
)
from pager_domain.pager.model import EscalationPolicy, Incident, MonitoredService, Request, ResolvedPolicy
from pager_domain.pager.notification import Notification
from pager_domain.pager.ports.escalation_policy_repository import EscalationPolicyRepository
from pager_domain.pager.ports.monitored_services import MonitoredServices
from pager_domain.pager.ports.notification_outbox import NotificationOutbox
from pager_domain.pager.service import PagerService

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
CHECKOUT = MonitoredServiceId("checkout")
CATCH_ALL = email_target("catch-all", "everybody@example.com")
MINUTES_15 = timedelta(minutes=15)


class HandClock(Clock):
    """A clock that is moved by hand."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


def numbered_ids() -> Callable[[], IncidentId]:
    """Ids ``incident-1``, ``incident-2`` and so on."""
    numbers = count(1)
    return lambda: IncidentId(f"incident-{next(numbers)}")


def a_service(name: str = "checkout", incident: Incident | None = None) -> MonitoredService:
    """A service that is Healthy unless it has an incident."""
    return MonitoredService(MonitoredServiceId(name), NOON, NOON, incident)


def an_alert(message: str = "payments fail", **more: Any) -> Alert:
    return Alert(message, **more)


def a_target(number: int, level: int = 1) -> NotificationTarget:
    """Somebody on a level: by e-mail if the number is odd, by SMS if it is even."""
    name = f"person-{level}-{number}"
    return email_target(name, f"{name}@example.com") if number % 2 else sms_target(name, f"+4915{level:02}{number:06}")


def a_level(number: int = 1, *, targets: int = 2, minutes: float = 15) -> ResolvedLevel:
    return addresses([a_target(n, number) for n in range(1, targets + 1)], timedelta(minutes=minutes))


def a_rule(*steps: tuple[float, str], every: float | None = None) -> ResolvedRule:
    """Steps like ``(5, "ana/phone")``: a page by this contact method after so many minutes; repeated ``every`` so many.

    A method that is a phone is reached by SMS, each other one by e-mail.
    """
    repeat_interval = None if every is None else timedelta(minutes=every)
    return ResolvedRule(
        tuple(ResolvedStep(a_method(method), method, timedelta(minutes=delay)) for delay, method in steps),
        repeat_interval,
    )


def a_method(method: str) -> NotificationTarget:
    """Where a contact method like ``ana/phone`` or ``ana/mail`` of :func:`a_person` leads."""
    person = method.partition("/")[0]
    if method.endswith("phone"):
        return sms_target(person, f"+49151{sum(method.encode()):08}")
    return email_target(person, f"{method.replace('/', '.')}@example.com")


def a_person(name: str, *steps: tuple[float, str], every: float | None = None, **more: Any) -> ResolvedTarget:
    """A person as a target of a level, by the steps of :func:`a_rule`."""
    return ResolvedTarget(TargetId(name), a_rule(*steps, every=every), person_id=name, **more)


def a_level_of(*targets: ResolvedTarget, minutes: float = 15) -> ResolvedLevel:
    return ResolvedLevel(targets, timedelta(minutes=minutes))


def a_policy(
    policy_id: str = "shop",
    *,
    levels: int | list[ResolvedLevel | EmptyLevel] = 1,
    revision: int = 1,
    repeats: int = 0,
) -> EscalationPolicy:
    """A policy of ``levels`` levels, two targets each, 15 minutes to acknowledge."""
    steps = [a_level(n) for n in range(1, levels + 1)] if isinstance(levels, int) else levels
    return EscalationPolicy(policy_id, revision, tuple(steps), repeats)


def current(policy: EscalationPolicy) -> ResolvedPolicy:
    """What the policy service answered just now."""
    return ResolvedPolicy(policy, PolicySource.CURRENT)


def an_unhealthy_service(name: str = "checkout", now: datetime = NOON, **alert: Any) -> MonitoredService:
    """A service with an incident that nobody was paged for yet."""
    event = an_alert(**alert)
    return PagerService.on_alert(a_service(name), event, lambda: IncidentId("incident-1"), now).service


def an_incident(**changes: Any) -> Incident:
    """An incident that has just opened; ``changes`` say how it differs."""
    incident = an_unhealthy_service().incident
    assert incident is not None
    return replace(incident, **changes)


def a_page(number: int = 1, incident: Incident | None = None, *, cycle: int = 1, level: int = 1) -> Notification:
    """A page to :func:`a_target`."""
    known = incident or an_incident()
    target = a_target(number, level)
    return Notification(known.monitored_service_id, known.incident_id, cycle, level, target, "subject", "body")


def after(seconds: float = 0, *, minutes: float = 0) -> datetime:
    """A moment after NOON."""
    return NOON + timedelta(minutes=minutes, seconds=seconds)


def a_timeout(seconds: float = 0, *, minutes: float = 0) -> Timeout:
    return Timeout(after(seconds, minutes=minutes))


def raising(service: str = "checkout", request_id: str = "", message: str = "payments fail", **more: Any) -> Request:
    return Request(MonitoredServiceId(service), an_alert(message, **more), request_id)


def acknowledging(service: str = "checkout", by: str = "ana", request_id: str = "", **more: Any) -> Request:
    return Request(MonitoredServiceId(service), Acknowledgement(by, **more), request_id)


def snoozing(
    service: str = "checkout", by: str = "ana", minutes: float = 60, request_id: str = "", **more: Any
) -> Request:
    return Request(MonitoredServiceId(service), Snooze(by, timedelta(minutes=minutes), **more), request_id)


def escalating(service: str = "checkout", by: str = "ana", request_id: str = "") -> Request:
    return Request(MonitoredServiceId(service), Escalation(by), request_id)


def reassigning(assignee: Assignee, service: str = "checkout", by: str = "ana", request_id: str = "") -> Request:
    return Request(MonitoredServiceId(service), Reassignment(by, assignee), request_id)


def healing(service: str = "checkout", request_id: str = "") -> Request:
    return Request(MonitoredServiceId(service), HealthyEvent(), request_id)


def an_application(
    store: MonitoredServices,
    outbox: NotificationOutbox,
    policies: EscalationPolicyRepository | None = None,
    senders: FakeSenders | None = None,
    new_incident_id: Callable[[], IncidentId] | None = None,
) -> PagerApplicationService:
    """The use cases; every service has :func:`a_policy` of two levels unless said."""
    sending = senders or FakeSenders()
    return PagerApplicationService(
        store=store,
        outbox=outbox,
        policies=policies or FakeEscalationPolicies(a_policy(levels=2)),
        email_sender=sending,
        sms_sender=sending,
        catch_all=[CATCH_ALL],
        new_incident_id=new_incident_id or numbered_ids(),
    )
