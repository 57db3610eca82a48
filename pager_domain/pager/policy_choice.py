"""Which policy a firing acts on: the current one, else the last known, else the catch-all. Never nobody."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from pager_domain.kernel import NotificationTarget
from pager_domain.pager.events import PolicySource
from pager_domain.pager.forecast import standing_at, without_forecast
from pager_domain.pager.levels import addresses
from pager_domain.pager.model import EscalationPolicy, Incident, MonitoredService, ResolvedPolicy
from pager_domain.pager.ports.escalation_policy_repository import NoPolicy, PolicyQuestion

ASK_AGAIN_AFTER = timedelta(seconds=10)
"""How often the pager looks whether the policy is back while the catch-all stands in for it."""

_REPEATS_WHILE_UNREACHABLE = 100


def question_about(service: MonitoredService) -> PolicyQuestion:
    """Whom to ask the policy service for: whatever covers the service, unless its incident knows better."""
    if service.incident is None:
        return PolicyQuestion(service.monitored_service_id)
    return question_of(service.incident)


def question_of(incident: Incident) -> PolicyQuestion:
    """Whom to ask the policy service for: the assignee, the pinned revision, or whatever covers the service."""
    service_id = incident.monitored_service_id
    if incident.assigned_to is not None:
        return PolicyQuestion(service_id, None, incident.incident_id, assignee=incident.assigned_to)
    policy = incident.policy
    pinned = None if policy is None or policy.is_catch_all else (policy.policy_id, policy.revision)
    return PolicyQuestion(service_id, pinned, incident.incident_id)


def chosen_policy(
    incident: Incident,
    answer: EscalationPolicy | NoPolicy,
    last_known: tuple[EscalationPolicy, datetime] | None,
    catch_all: Sequence[NotificationTarget],
    now: datetime,
) -> ResolvedPolicy:
    """The policy to act on, and where it came from. One whose addresses nobody can open any more is none.

    While the policy service does not answer, those are on call whom the last known forecast has for ``now``. While the
    assignee of an incident cannot be had, those who had it before stand in.
    """
    resolved = _chosen(incident, answer, last_known, catch_all, now)
    if incident.assigned_to is not None and resolved.source is not PolicySource.CURRENT:
        return replace(resolved, ask_again_after=ASK_AGAIN_AFTER)
    return resolved


def unknown_assignee(incident: Incident, answer: EscalationPolicy | NoPolicy) -> str:
    """What the policy service says if it knows nobody of the name that ``incident`` was given to; empty if it does."""
    unknown = incident.assigned_to is not None and isinstance(answer, NoPolicy) and not answer.passing
    return answer.fault if unknown and isinstance(answer, NoPolicy) else ""


def _chosen(
    incident: Incident,
    answer: EscalationPolicy | NoPolicy,
    last_known: tuple[EscalationPolicy, datetime] | None,
    catch_all: Sequence[NotificationTarget],
    now: datetime,
) -> ResolvedPolicy:
    pinned = incident.policy if incident.policy and not incident.policy.is_catch_all else None
    if pinned is not None and not pinned.is_readable:
        pinned = None
    if isinstance(answer, EscalationPolicy):
        if pinned is None or incident.assigned_to is not None or _same_structure(pinned, answer):
            return ResolvedPolicy(without_forecast(answer), PolicySource.CURRENT)
        fault = "the policy service answered with another structure than the pinned revision"
        return ResolvedPolicy(pinned, PolicySource.LAST_KNOWN, fault)
    foretold = _foretold(last_known, now)
    if pinned is not None and (foretold is None or not _same_structure(pinned, foretold)):
        return ResolvedPolicy(pinned, PolicySource.LAST_KNOWN, answer.fault)
    if foretold is not None and last_known is not None and (pinned is not None or answer.passing):
        age = int((now - last_known[1]).total_seconds())
        return ResolvedPolicy(foretold, PolicySource.LAST_KNOWN, f"{answer.fault}; last known {age} s ago")
    return _catch_all(answer, catch_all)


def _foretold(last_known: tuple[EscalationPolicy, datetime] | None, now: datetime) -> EscalationPolicy | None:
    policy = last_known[0] if last_known is not None else None
    return standing_at(policy, now) if policy is not None and policy.is_readable else None


def _same_structure(pinned: EscalationPolicy, answer: EscalationPolicy) -> bool:
    return (pinned.policy_id, pinned.revision, len(pinned.levels)) == (
        answer.policy_id,
        answer.revision,
        len(answer.levels),
    )


def _catch_all(answer: NoPolicy, targets: Sequence[NotificationTarget]) -> ResolvedPolicy:
    repeats = _REPEATS_WHILE_UNREACHABLE if answer.passing else 0
    policy = EscalationPolicy("", 0, (addresses(targets),), repeats)
    ask_again = ASK_AGAIN_AFTER if answer.passing else None
    return ResolvedPolicy(policy, PolicySource.CATCH_ALL, answer.fault, ask_again)
