"""What the product says and keeps, in the words of the reference."""

from collections import Counter

from builders import a_level, a_policy
from races.reference import DELAY, LEVELS, REPEATS

from pager_domain.errors import DomainError

POLICY = a_policy(levels=[a_level(n, minutes=DELAY / 60) for n in range(1, LEVELS + 1)], repeats=REPEATS)
"""The policy that the reference has in mind."""


def said(answer):
    """An answer as the reference gives it: (incident, changed, alerts counted), or the name of the refusal."""
    if isinstance(answer, DomainError):
        return type(answer).__name__
    return answer.incident and answer.incident.incident_id, answer.changed, answer.alert_count


def states(records):
    return {r.incident.incident_id: (r.incident.state.value, r.incident.alert_count) for r in records}


def expected_states(reference):
    return {name: (incident["state"], incident["alerts"]) for name, incident in reference.incidents.items()}


def pages(records):
    """How often each page was decided."""
    decided = [page.notification for record in records for page in record.pages]
    return Counter((p.incident_id, p.cycle, p.level, p.target.target_id) for p in decided)


def unresolved(records):
    return {r.incident.monitored_service_id: r.incident.incident_id for r in records if r.is_current}
