"""Applying a configuration: all of it in one transaction, or nothing."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from pager_domain.errors import DomainError
from pager_domain.kernel import PolicyId
from pager_domain.policy.application import hold_targets
from pager_domain.policy.configuration import Action, Configuration, DutyChange, Plan, Step, planned_steps
from pager_domain.policy.errors import ConfigurationStale, TargetUnknown
from pager_domain.policy.model import Coverage, PolicyDefinition
from pager_domain.policy.people import PEOPLE, PersonDefinition, checked_new_person_id
from pager_domain.policy.people_application import person_in_use
from pager_domain.policy.ports.policy_store import PolicyStore, PolicyUnitOfWork
from pager_domain.policy.ports.roster_store import NamedBy
from pager_domain.policy.revisions import Definition, Kind, Record, Revisioned
from pager_domain.policy.schedule_application import hold_people, schedule_in_use
from pager_domain.policy.schedule_changes import redefined
from pager_domain.policy.schedules import SCHEDULES, ScheduleDefinition

_PAGE = 1000

Row = TypeVar("Row")
D = TypeVar("D", bound=Definition)
R = TypeVar("R", bound=Revisioned[Any])


@dataclass(frozen=True, slots=True)
class Applied:
    """What was changed, or would be, and whose time on call that changes."""

    plan: Plan
    duty_changes: tuple[DutyChange, ...]


@dataclass(frozen=True, slots=True)
class _Stored:
    """Ids of everything that is stored, where everything counts."""

    people: Collection[str] = ()
    schedules: Collection[str] = ()
    policies: Collection[str] = ()


class _Undone(Exception):
    """Ends a transaction that only showed what it would do."""

    def __init__(self, applied: Applied) -> None:
        super().__init__()
        self.applied = applied


class ConfigurationApplicationService:
    """Makes people, schedules and policies what a document says."""

    def __init__(self, store: PolicyStore) -> None:
        self._store = store

    async def apply(self, wanted: Configuration, *, base_etag: str = "", validated_only: bool = False) -> Applied:
        """Changes what differs. With ``validated_only`` everything is tried and taken back.

        Raises:
            ConfigurationStale: something has changed since the plan with that ``base_etag``.
            PersonUnknown, TargetUnknown: somebody or something is named that will not be there.
            ServiceAlreadyCovered, DefaultPolicyExists: a policy outside of ``wanted`` has it.
            PersonInUse, ScheduleInUse: what would end is named by what stays.
            InvalidField: the id of somebody new is longer than 248 bytes.
        """
        stored = await self._everything() if wanted.pruned else _Stored()

        async def work(unit: PolicyUnitOfWork) -> Applied:
            now = await unit.now()
            plan = await _planned(unit, wanted, stored, now)
            if base_etag and base_etag != plan.base_etag:
                raise ConfigurationStale
            applied = Applied(plan, plan.duty_changes(now))
            await _keep(unit, plan, wanted, now)
            if validated_only:
                raise _Undone(applied)
            return applied

        try:
            return await self._store.atomically(work)
        except _Undone as undone:
            return undone.applied

    async def _everything(self) -> _Stored:
        return _Stored(
            people=await _all(lambda after: self._store.entries(PEOPLE, after, _PAGE), lambda row: row.entry_id),
            schedules=await _all(lambda after: self._store.entries(SCHEDULES, after, _PAGE), lambda row: row.entry_id),
            policies=await _all(self._policies_after, lambda row: row.entry_id),
        )

    async def _policies_after(self, after: str | None) -> list[Any]:
        return await self._store.policies(PolicyId(after) if after else None, _PAGE)


async def _all(page: Callable[[str | None], Awaitable[list[Row]]], name: Callable[[Row], str]) -> list[str]:
    ids: list[str] = []
    while rows := await page(ids[-1] if ids else None):
        ids += map(name, rows)
    return ids


async def _planned(unit: PolicyUnitOfWork, wanted: Configuration, stored: _Stored, now: datetime) -> Plan:
    """What names is locked before what is named, and each kind in the order of its ids: nobody waits in a circle."""
    policies = {key: await unit.lock(PolicyId(key)) for key in _ids(wanted.policies, stored.policies)}
    schedules = await _locked(unit, SCHEDULES, _ids(wanted.schedules, stored.schedules))
    people = await _locked(unit, PEOPLE, _ids(wanted.people, stored.people))
    for index, definition in enumerate(wanted.people):
        if people[definition.person_id].live is None:
            checked_new_person_id(f"people[{index}].person_id", definition.person_id)
    return Plan(
        people=planned_steps(people, wanted.people, _as_verified, now),
        schedules=planned_steps(schedules, wanted.schedules, _with_its_overrides, now),
        policies=planned_steps(policies, wanted.policies, _as_said, now),
    )


def _ids(wanted: Iterable[Any], stored: Collection[str]) -> list[str]:
    return sorted({*stored, *(definition.entry_id for definition in wanted)})


async def _locked(unit: PolicyUnitOfWork, kind: Kind[Any, Any], ids: Iterable[str]) -> dict[str, Record[Any, Any]]:
    return {key: await unit.lock_entry(kind, key) for key in ids}


def _as_verified(wanted: PersonDefinition, stored: PersonDefinition | None, _now: datetime) -> PersonDefinition:
    return wanted.verified_as(stored)


def _with_its_overrides(
    wanted: ScheduleDefinition, stored: ScheduleDefinition | None, now: datetime
) -> ScheduleDefinition:
    return wanted if stored is None else redefined(stored, wanted, now)


def _as_said(wanted: PolicyDefinition, _stored: PolicyDefinition | None, _now: datetime) -> PolicyDefinition:
    return wanted


async def _keep(unit: PolicyUnitOfWork, plan: Plan, wanted: Configuration, now: datetime) -> None:
    """What is named is kept first, and ends last, so that each check sees how it will be."""
    for person in _new_revisions(plan.people):
        await unit.save_entry(PEOPLE, person)
    for schedule in _new_revisions(plan.schedules):
        await hold_people(unit, schedule.definition)
        await unit.save_entry(SCHEDULES, schedule)
    await _keep_policies(unit, plan, [definition.policy_id for definition in wanted.policies], now)
    await _end(unit, SCHEDULES, _ids_of(plan.schedules, Action.DELETED), schedule_in_use, now)
    await _end(unit, PEOPLE, _ids_of(plan.people, Action.DELETED), person_in_use, now)


async def _end(
    unit: PolicyUnitOfWork,
    kind: Kind[Any, Any],
    entry_ids: Iterable[str],
    in_use: Callable[[str, NamedBy], DomainError],
    now: datetime,
) -> None:
    for entry_id in entry_ids:
        if (by := await unit.named_by(kind, entry_id)) is not None:
            raise in_use(entry_id, by)
        await unit.end_entry(kind, entry_id, now)


async def _keep_policies(unit: PolicyUnitOfWork, plan: Plan, wanted: Sequence[PolicyId], now: datetime) -> None:
    """Every service is let go before it is taken, so that policies can take from each other."""
    for policy_id in _ids_of(plan.policies, Action.DELETED):
        await unit.end(PolicyId(policy_id), now)
    policies = _new_revisions(plan.policies)
    services = {service for policy in policies for service in policy.definition.monitored_service_ids}
    coverage = _without(await unit.coverage(services), {step.entry_id for step in plan.policies})
    for policy in policies:
        try:
            await hold_targets(unit, policy.definition)
        except TargetUnknown as unknown:
            place = f"escalation_policies[{wanted.index(policy.policy_id)}]"
            raise replace(unknown, field=f"{place}.{unknown.field}") from None
        coverage.admit(policy.definition)
    await unit.release([PolicyId(key) for key in _ids_of(plan.policies, Action.UPDATED)])
    for policy in policies:
        await unit.save(policy)


def _without(coverage: Coverage, ours: Collection[str]) -> Coverage:
    """What policies outside of the plan have."""
    theirs = {service: policy for service, policy in coverage.covered_by.items() if policy not in ours}
    default = coverage.default_policy_id
    return Coverage(theirs, None if default in ours else default)


def _new_revisions(steps: Iterable[Step[D, R]]) -> list[R]:
    return [step.after for step in steps if step.after is not None and step.action is not None]


def _ids_of(steps: Iterable[Step[D, R]], action: Action) -> list[str]:
    return [step.entry_id for step in steps if step.action is action]
