"""Policies by name, and strategies for any policy at all."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from pager_domain.kernel import MonitoredServiceId, PolicyId
from pager_domain.policy.directory import Question
from pager_domain.policy.levels import (
    EscalationLevel,
    Selection,
    email_target,
    person_target,
    schedule_target,
    sms_target,
)
from pager_domain.policy.model import EscalationPolicy, PolicyDefinition
from pager_domain.policy.resolved import ResolvedEscalation

ANA = email_target("ana-mail", "ana@example.com")
ANA_PHONE = sms_target("ana-phone", "+4915112345678")
BEN = email_target("ben-mail", "ben@example.com")


def a_level(*targets: Any, minutes: int = 15, selection: Selection = Selection.ALL) -> EscalationLevel:
    """A level that pages Ana by e-mail unless said."""
    return EscalationLevel(targets or (ANA,), timedelta(minutes=minutes), selection)


def a_policy(policy_id: str = "shop", *services: str, **more: Any) -> PolicyDefinition:
    """A policy of one level that covers ``services``."""
    more.setdefault("levels", (a_level(),))
    covered = tuple(MonitoredServiceId(service) for service in services)
    return PolicyDefinition(PolicyId(policy_id), monitored_service_ids=covered, **more)


def about(*subjects: Any) -> list[Question]:
    """A question about each of ``subjects``, now."""
    return [Question(subject) for subject in subjects]


def paged(answer: ResolvedEscalation) -> list[list[str]]:
    """The addresses that each level pages, in their order."""
    return [[step.address.value for target in level.targets for step in target.high.steps] for level in answer.levels]


def named(policy: EscalationPolicy) -> list[list[str]]:
    """The addresses that each level of a policy names itself."""
    return [[_named(target) for target in level.targets] for level in policy.definition.levels]


_characters = st.characters(exclude_categories=["Cs", "Cc"])
_ids = st.text(_characters, min_size=1, max_size=60).filter(str.strip)
_labels = st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True)
_emails = st.builds(email_target, _ids, st.builds("{}@{}.example".format, _labels, _labels))
_numbers = st.builds(sms_target, _ids, st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
_people = st.builds(person_target, _ids, st.just("") | _ids)
_schedules = st.builds(schedule_target, _ids, st.just("") | _ids)


def _named(target: Any) -> str:
    for name in ("address", "number"):
        if hasattr(target, name):
            return getattr(target, name).value
    return "person " + target.person_id if hasattr(target, "person_id") else "schedule " + target.schedule_id


_any_target = _emails | _numbers | _people | _schedules
_targets = st.lists(_any_target, min_size=1, max_size=5, unique_by=(lambda t: t.target_id, _named))
_levels = st.builds(
    EscalationLevel,
    _targets.map(tuple),
    st.timedeltas(timedelta(seconds=1), timedelta(hours=24)),
    st.sampled_from(Selection),
)

definitions = st.builds(
    PolicyDefinition,
    policy_id=_ids,
    levels=st.lists(_levels, min_size=1, max_size=5).map(tuple),
    display_name=st.text(_characters, max_size=60),
    repeat_count=st.integers(0, 100),
    monitored_service_ids=st.lists(_ids, max_size=10, unique=True).map(tuple),
    default_policy=st.booleans(),
    acknowledgement_expiry=st.none() | st.timedeltas(timedelta(minutes=1), timedelta(days=7)),
    reopen_window=st.none() | st.timedeltas(timedelta(seconds=1), timedelta(hours=24)),
)
"""Any policy that can be."""
