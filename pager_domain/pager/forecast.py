"""Who is on call later, as the policy service foretold it: so an outage of that service changes nobody's shift."""

from dataclasses import replace
from datetime import datetime, timedelta

from pager_domain.pager.levels import EmptyLevel
from pager_domain.pager.model import EscalationPolicy

FORECAST = timedelta(hours=25)
"""How far ahead the pager asks who will be on call."""
ASK_AFTER = timedelta(hours=1)
"""How old a forecast becomes before the pager asks again: while somebody answers, it reaches 24 hours ahead."""


def standing_at(policy: EscalationPolicy, moment: datetime) -> EscalationPolicy | None:
    """``policy`` with the people of ``moment``, as it was foretold when it was learnt; None if nobody is on call then.

    After the end of the forecast its last people go on.
    """
    levels = list(policy.levels)
    for change in policy.later:
        if change.starts_at <= moment:
            levels[change.number - 1] = change.level
    if all(isinstance(level, EmptyLevel) for level in levels):
        return None
    return replace(policy, levels=tuple(levels), later=())


def without_forecast(policy: EscalationPolicy) -> EscalationPolicy:
    """``policy`` with the people of the moment of the answer, as incidents pin it."""
    return replace(policy, later=()) if policy.later else policy
