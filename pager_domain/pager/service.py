"""PagerService: the rules, pure. Each takes what is and what happened, and returns what will be.

The numbers are those of the rules in ``docs/architecture.md``.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from pager_domain.pager.cycles import beginning_anew, has_a_next_level, next_steps
from pager_domain.pager.errors import IncidentUnknown, NoOpenIncident
from pager_domain.pager.events import (
    Acknowledgement,
    Alert,
    AlertRepeated,
    Cause,
    EscalationExhausted,
    HealthyEvent,
    IncidentAcknowledged,
    IncidentEvent,
    IncidentId,
    IncidentOpened,
    IncidentResolved,
    LevelNotified,
    LevelSkipped,
    LevelUndeliverable,
    PolicySource,
    Timeout,
)
from pager_domain.pager.levels import EmptyLevel, PlannedPage, ResolvedLevel, pages_of
from pager_domain.pager.model import (
    Change,
    FormerIncident,
    Incident,
    IncidentState,
    MonitoredService,
    ResolvedPolicy,
    recorded,
)
from pager_domain.pager.notification import Notification
from pager_domain.pager.page_text import page_text
from pager_domain.pager.reopening import comes_next_at, on_reopening, reopens_until
from pager_domain.pager.silence import NOT_HELD, acknowledged_until, resumed, was_ordered
from pager_domain.pager.targets import NotifiedTarget, PlannedTarget
from pager_domain.values import changed


class PagerService:
    """The rules of paging."""

    @staticmethod
    def on_alert(service: MonitoredService, alert: Alert, new_id: Callable[[], IncidentId], now: datetime) -> Change:
        """Rules 1 and 4: opens an incident that is due at once, or counts the alert and pages nobody.

        Soon after the service was healthy again it continues the former incident, where the policy says so.
        """
        if service.incident is not None:
            return PagerService.on_repeats(service, service.incident, alert, 1, now)
        if (former := service.former) is not None and now <= (former.incident.reopen_until or now):
            return on_reopening(service, former, alert, now)
        # Its opening is its first line.
        service_id, incident_id = service.monitored_service_id, new_id()
        incident = Incident(
            incident_id, service_id, alert, opened_at=now, next_escalation_at=now, event_count=1, generation=1
        )
        line = IncidentEvent(service_id, incident_id, 1, now, IncidentOpened(alert))
        return Change(MonitoredService(service_id, service.created_at, now, incident), incident, (line,))

    @staticmethod
    def on_repeats(service: MonitoredService, known: Incident, alert: Alert, repeats: int, now: datetime) -> Change:
        """Rule 4 for ``repeats`` equal alerts on the Unhealthy ``service``: all are counted, in one line."""
        count = known.alert_count + repeats
        incident, events = recorded(known, now, AlertRepeated(alert, count, repeats), alert_count=count)
        service_id, created_at, updated_at = service.monitored_service_id, service.created_at, service.updated_at
        return Change(MonitoredService(service_id, created_at, updated_at, incident, service.former), incident, events)

    @staticmethod
    def on_acknowledgement(service: MonitoredService, answer: Acknowledgement, now: datetime) -> Change:
        """Rule 3: the escalation stops. The first person stays; a second acknowledgement changes nothing.

        Exception: on a held incident it ends the hold, replaces the one before it, and the expiry starts again.

        Where the policy lets acknowledgements expire, the incident is open again then.

        Raises:
            NoOpenIncident: the service is healthy.
            IncidentUnknown: another incident was meant than the one that is not resolved.
        """
        known = service.incident
        if known is None:
            raise NoOpenIncident(service.monitored_service_id)
        if answer.incident_id is not None and answer.incident_id != known.incident_id:
            raise IncidentUnknown(answer.incident_id)
        if not known.is_open and known.held_until is None:
            return Change(service, known)
        expires_at = acknowledged_until(known, now)
        incident, events = recorded(
            known,
            now,
            IncidentAcknowledged(answer.acknowledged_by, answer.note, expires_at),
            state=IncidentState.ACKNOWLEDGED,
            next_escalation_at=expires_at,
            **NOT_HELD,
            exhausted=known.exhausted and expires_at is None,
            acknowledged_at=now,
            acknowledged_by=answer.acknowledged_by,
            acknowledge_note=answer.note,
        )
        return Change(changed(service, incident=incident), incident, events, stops_paging=True)

    @staticmethod
    def on_healthy(service: MonitoredService, _event: HealthyEvent, now: datetime) -> Change:
        """Rule 5: the incident is resolved and nobody else is notified; on a Healthy service nothing changes."""
        if (known := service.incident) is None:
            return Change(service)
        incident, events = recorded(
            known,
            now,
            IncidentResolved(),
            state=IncidentState.RESOLVED,
            next_escalation_at=None,
            acknowledgement_due_at=comes_next_at(known),
            **NOT_HELD,
            resolved_at=now,
            reopen_until=reopens_until(known, now),
        )
        # The last level counts as having reached somebody: an alert later in this batch does not page them again.
        former = FormerIncident(incident, reached_somebody=True) if incident.reopen_until else None
        service = changed(service, incident=None, former=former, updated_at=now)
        return Change(service, incident, events, stops_paging=True)

    @staticmethod
    def on_timeout(service: MonitoredService, timeout: Timeout, resolved: ResolvedPolicy) -> Change:
        """Rules 1, 2 and 7: all targets of the next level are notified, or the incident is exhausted.

        An incident that was answered, or is not due, stays as it is (rules 3 and 5). An acknowledgement that has
        expired makes it open, and a new cycle begins.
        """
        known, now = service.incident, timeout.at
        if known is None or not known.is_due(now):
            return Change(service, known)
        incident, ended = resumed(known)
        incident = _adopting(incident, resolved)
        if _waits_for_policy(incident, resolved, now):
            due = incident.acknowledgement_due_at or now
            incident = changed(incident, next_escalation_at=_next_look(due, resolved, now))
            return Change(changed(service, incident=incident), incident)
        was_due = incident.next_escalation_at or now
        incident, changes, causes, pages = _fired_for_somebody(incident, resolved, now, ordered=was_ordered(known))
        if not ended and not causes:
            incident = changed(incident, **changes)
            return Change(changed(service, incident=incident), incident)
        incident, events = recorded(incident, now, *ended, *causes, **changes)
        return Change(
            changed(service, incident=incident), incident, events, _notifications(incident, pages, now, was_due)
        )

    @staticmethod
    def on_level_undeliverable(incident: Incident, now: datetime) -> tuple[Incident, tuple[IncidentEvent, ...]]:
        """No page of the level that was notified last could be handed off: the next one of its cycle is due at once.

        A pass through the levels that reached nobody is not repeated any sooner: its last delay runs. Nor does it end
        the silence of an incident that is held.
        """
        waits = incident.is_open and incident.next_escalation_at is not None and not incident.is_due(now)
        if not waits or incident.held_until is not None or not has_a_next_level(incident):
            return incident, ()
        told = LevelUndeliverable(incident.cycle, incident.level)
        return recorded(incident, now, told, next_escalation_at=now, acknowledgement_due_at=now)


def _adopting(incident: Incident, resolved: ResolvedPolicy) -> Incident:
    """The first firing pins the policy; another one, like that which takes over from the catch-all, begins a cycle.

    So does the policy of an assignee.
    """
    takes_over = incident.policy is not None and incident.policy.key != resolved.policy.key
    if incident.assigned_to is not None and resolved.source is PolicySource.CURRENT:
        incident, takes_over = changed(incident, assigned_to=None), True
    incident = changed(incident, policy=resolved.policy)
    return beginning_anew(incident) if takes_over else incident


def _waits_for_policy(incident: Incident, resolved: ResolvedPolicy, now: datetime) -> bool:
    """Whoever stands in was paged, that delay still runs, and the pager only looked whether the policy is back."""
    due = incident.acknowledgement_due_at
    stands_in = resolved.policy.is_catch_all or resolved.ask_again_after is not None
    return stands_in and incident.level > 0 and due is not None and now < due


def _next_look(due: datetime, resolved: ResolvedPolicy, now: datetime) -> datetime:
    return due if resolved.ask_again_after is None else min(due, now + resolved.ask_again_after)


def _fired_for_somebody(
    incident: Incident, resolved: ResolvedPolicy, now: datetime, *, ordered: bool
) -> tuple[Incident, dict[str, Any], list[Cause], list[PlannedPage]]:
    """As :func:`_fired`; where that was ``ordered`` and nobody is left by now, from level 1 of a new cycle."""
    changes, causes, pages = _fired(incident, resolved, now)
    if not ordered or incident.begins_anew or not changes.get("exhausted"):
        return incident, changes, causes, pages
    incident, skipped = beginning_anew(changed(incident, cycle=changes["cycle"])), causes[:-1]
    changes, causes, pages = _fired(incident, resolved, now)
    return incident, changes, [*skipped, *causes], pages


def _fired(
    incident: Incident, resolved: ResolvedPolicy, now: datetime
) -> tuple[dict[str, Any], list[Cause], list[PlannedPage]]:
    """What the next level that names somebody changes of ``incident``, what it causes, and the pages that it owes."""
    changes: dict[str, Any] = {"cycle": incident.cycle}
    causes: list[Cause] = []
    for cycle, level in next_steps(incident, resolved.policy):
        step = resolved.policy.levels[level - 1]
        changes = {"cycle": cycle, "level": level}
        if isinstance(step, EmptyLevel):
            causes.append(LevelSkipped(cycle, level, step.unreached))
            continue
        due = now + step.acknowledgement_timeout
        pages = pages_of(step, incident.alert.severity)
        causes.append(_level_notified(cycle, level, due, step, pages, resolved))
        changes |= {"acknowledgement_due_at": due, "next_escalation_at": _next_look(due, resolved, now)}
        return changes, causes, pages
    if resolved.ask_again_after is not None:  # whoever stands in was paged to the end; who is wanted was not
        waiting = {"next_escalation_at": now + resolved.ask_again_after, "acknowledgement_due_at": None}
        return changes | waiting, causes, []
    exhausted = {"exhausted": True, "next_escalation_at": None, "acknowledgement_due_at": None}
    return changes | exhausted, [*causes, EscalationExhausted(changes["cycle"])], []


def _level_notified(
    cycle: int,
    level: int,
    due: datetime,
    step: ResolvedLevel,
    pages: Sequence[PlannedPage],
    resolved: ResolvedPolicy,
) -> LevelNotified:
    return LevelNotified(
        cycle=cycle,
        level=level,
        targets=_planned_targets(pages),
        acknowledgement_timeout=step.acknowledgement_timeout,
        next_escalation_at=due,
        policy_id=resolved.policy.policy_id,
        policy_revision=resolved.policy.revision,
        policy_source=resolved.source,
        policy_fault=resolved.fault,
        unreached=step.unreached,
    )


def _planned_targets(pages: Sequence[PlannedPage]) -> tuple[PlannedTarget, ...]:
    """Each way to each target once, with the delays of its pages."""
    ways: dict[NotifiedTarget, list[PlannedPage]] = {}
    for page in pages:
        ways.setdefault(page.notified, []).append(page)
    return tuple(_planned_target(notified, owed) for notified, owed in ways.items())


def _planned_target(notified: NotifiedTarget, owed: Sequence[PlannedPage]) -> PlannedTarget:
    target, delays = owed[0].target, tuple(page.delay for page in owed)
    return PlannedTarget(
        notified.target_id,
        notified.channel,
        notified.person_id,
        notified.contact_method_id,
        delays if any(delays) else (),
        target.schedule_id,
        target.layer_id,
        target.override_id,
    )


def _notifications(
    incident: Incident, pages: Sequence[PlannedPage], now: datetime, due: datetime
) -> tuple[Notification, ...]:
    """All who are paged by the same way at the same step read the same words."""
    by_words = {(page.way.channel, page.step) for page in pages}
    words = {(channel, step): page_text(incident, channel, now, due, step) for channel, step in by_words}
    return tuple(
        Notification(
            incident.monitored_service_id,
            incident.incident_id,
            incident.cycle,
            incident.level,
            page.way.target,
            *words[page.way.channel, page.step],
            incident.alert.severity,
            page.target.person_id,
            page.way.contact_method_id,
            page.step,
            page.delay,
        )
        for page in pages
    )
