"""The use case that looks ahead: policy after policy, a few at a time, so that nobody waits for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pager_domain.errors import InvalidField
from pager_domain.kernel import PolicyId
from pager_domain.policy.directory import found_in
from pager_domain.policy.errors import PolicyUnknown
from pager_domain.policy.findings import Finding
from pager_domain.policy.levels import people_in, schedules_in
from pager_domain.policy.model import EscalationPolicy
from pager_domain.policy.people import PEOPLE, PersonDefinition, PersonId
from pager_domain.policy.ports.policy_store import PolicyReads, PolicyStore
from pager_domain.policy.reachability import Outlook, findings_of
from pager_domain.policy.timetable import Timetable

DEFAULT_HORIZON = timedelta(days=14)
MIN_HORIZON = timedelta(hours=1)
MAX_HORIZON = timedelta(days=92)
AT_A_TIME = 20


def checked_horizon(horizon: timedelta) -> timedelta:
    """``horizon`` if it is 1 hour to 92 days."""
    if not MIN_HORIZON <= horizon <= MAX_HORIZON:
        raise InvalidField("horizon", "must be 1 hour to 92 days")
    return horizon


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found in some policies; ``unreached_services`` counts a default policy as one service more."""

    findings: tuple[Finding, ...]
    policies: int
    unreached_services: int
    last: PolicyId | None = None


class ReachabilityCheck:
    """Whether the pages of live policies will reach somebody."""

    def __init__(self, store: PolicyStore) -> None:
        self._store = store

    async def few(self, after: PolicyId | None, horizon: timedelta) -> Checked:
        """The next policies behind ``after``, in order of their ids; the last one has no ``last``."""
        policies = await self._store.policies(after, AT_A_TIME)
        checked = await self._check(policies, horizon)
        last = policies[-1].policy_id if len(policies) == AT_A_TIME else None
        return Checked(checked.findings, checked.policies, checked.unreached_services, last)

    async def one(self, policy_id: PolicyId, horizon: timedelta) -> Checked:
        """One policy.

        Raises:
            PolicyUnknown: there is none, or it has ended.
        """
        policy = await self._store.policy(policy_id)
        if policy is None:
            raise PolicyUnknown(policy_id)
        return await self._check([policy], horizon)

    async def _check(self, policies: Sequence[EscalationPolicy], horizon: timedelta) -> Checked:
        outlook = await self._store.reading(lambda reads: _look_ahead(reads, policies, horizon))
        found = {
            policy.policy_id: findings_of(found_in(policy.definition, policy.revision), outlook) for policy in policies
        }
        unreached = sum(_services(policy) for policy in policies if any(f.is_error for f in found[policy.policy_id]))
        return Checked(tuple(each for findings in found.values() for each in findings), len(policies), unreached)


def _services(policy: EscalationPolicy) -> int:
    return len(policy.definition.monitored_service_ids) + policy.definition.default_policy


async def _look_ahead(reads: PolicyReads, policies: Sequence[EscalationPolicy], horizon: timedelta) -> Outlook:
    levels = [level for policy in policies for level in policy.definition.levels]
    start = await reads.now()
    schedules = await reads.schedules_at({(schedule_id, None) for schedule_id in schedules_in(levels)})
    timetable = Timetable({asked: schedule.definition for asked, schedule in schedules.items()})
    for asked in schedules:
        timetable.shifts(asked, start, horizon)
    people = await reads.newest_entries(PEOPLE, people_in(levels) | timetable.people())
    definitions: Mapping[PersonId, PersonDefinition] = {
        PersonId(name): found.definition for name, found in people.items()
    }
    return Outlook(timetable, definitions, start, horizon)
