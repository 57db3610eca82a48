"""Policies by name, and strategies for any policy at all."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from pager_domain.kernel import EscalationLevel, MonitoredServiceId, PolicyId, email_target, sms_target
from pager_domain.policy.model import PolicyDefinition

ANA = email_target("ana-mail", "ana@example.com")
ANA_PHONE = sms_target("ana-phone", "+4915112345678")
BEN = email_target("ben-mail", "ben@example.com")


def a_level(*targets: Any, minutes: int = 15) -> EscalationLevel:
    """A level that pages Ana by e-mail unless said."""
    return EscalationLevel(targets or (ANA,), timedelta(minutes=minutes))


def a_policy(policy_id: str = "shop", *services: str, **more: Any) -> PolicyDefinition:
    """A policy of one level that covers ``services``."""
    more.setdefault("levels", (a_level(),))
    covered = tuple(MonitoredServiceId(service) for service in services)
    return PolicyDefinition(PolicyId(policy_id), monitored_service_ids=covered, **more)


_characters = st.characters(exclude_categories=["Cs", "Cc"])
_ids = st.text(_characters, min_size=1, max_size=60).filter(str.strip)
_labels = st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True)
_emails = st.builds(email_target, _ids, st.builds("{}@{}.example".format, _labels, _labels))
_numbers = st.builds(sms_target, _ids, st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))


def _address(target: Any) -> str:
    return target.address.value if hasattr(target, "address") else target.number.value


_targets = st.lists(_emails | _numbers, min_size=1, max_size=5, unique_by=(lambda t: t.target_id, _address))
_levels = st.builds(EscalationLevel, _targets.map(tuple), st.timedeltas(timedelta(seconds=1), timedelta(hours=24)))

definitions = st.builds(
    PolicyDefinition,
    policy_id=_ids,
    levels=st.lists(_levels, min_size=1, max_size=5).map(tuple),
    display_name=st.text(_characters, max_size=60),
    repeat_count=st.integers(0, 100),
    monitored_service_ids=st.lists(_ids, max_size=10, unique=True).map(tuple),
    default_policy=st.booleans(),
)
"""Any policy that can be."""
