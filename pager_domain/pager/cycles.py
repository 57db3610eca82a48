"""Which levels of a policy are still to come for an incident. Pure."""

from collections.abc import Iterator

from pager_domain.pager.levels import EmptyLevel
from pager_domain.pager.model import EscalationPolicy, Incident
from pager_domain.values import changed


def next_steps(incident: Incident, policy: EscalationPolicy) -> Iterator[tuple[int, int]]:
    """(cycle, level) from the next level on, through the repeats that are left.

    Where a new cycle was ordered the rest of the present one is left out.
    """
    levels = len(policy.levels)
    last_cycle = incident.policy_since_cycle + policy.repeat_count
    if not incident.begins_anew:
        for level in range(incident.level + 1, levels + 1):
            yield incident.cycle, level
    for cycle in range(incident.cycle + 1, last_cycle + 1):
        for level in range(1, levels + 1):
            yield cycle, level


def has_a_next_level(incident: Incident) -> bool:
    """Whether a level of its present cycle is left that names somebody."""
    following = incident.policy.levels[incident.level :] if incident.policy else ()
    return not incident.begins_anew and any(not isinstance(level, EmptyLevel) for level in following)


def somebody_is_left(incident: Incident) -> bool:
    """Whether somebody is still to be notified, in this cycle or in a repeat; before the first page, always."""
    policy = incident.policy
    if policy is None:
        return True
    return any(not isinstance(policy.levels[level - 1], EmptyLevel) for _, level in next_steps(incident, policy))


def beginning_anew(incident: Incident) -> Incident:
    """``incident`` with a new cycle ordered, from level 1 and with all its repeats."""
    return changed(incident, policy_since_cycle=incident.cycle + 1, exhausted=False)
