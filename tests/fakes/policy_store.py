"""The policy store in a dictionary."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from fakes.change_log import FakeChangeLog
from fakes.roster_store import FakeRoster

from pager_domain.errors import StoreUnavailable
from pager_domain.kernel import MonitoredServiceId, PolicyId
from pager_domain.policy.directory import Directory, FoundPolicy, Subject, found_in
from pager_domain.policy.levels import people_in, schedules_in
from pager_domain.policy.model import POLICIES, Coverage, EscalationPolicy, PolicyRecord, PolicyRevision
from pager_domain.policy.people import ContactMethodId, PersonId
from pager_domain.policy.ports.policy_store import PolicyReads, PolicyStore, PolicyUnitOfWork
from pager_domain.policy.ports.roster_store import NamedBy
from pager_domain.policy.recording import Recording
from pager_domain.policy.revisions import Kind, Record
from pager_domain.policy.schedules import SCHEDULES, Schedule, ScheduleId
from pager_domain.policy.timetable import ScheduleAt
from pager_domain.policy.turns import PolicyLevel, Seat, Turns
from pager_domain.policy.verification import Verification

T = TypeVar("T")


class FakePolicyStore(FakeRoster, PolicyStore, PolicyUnitOfWork, PolicyReads):
    """One transaction at a time. ``clock`` is what ``now`` says; while ``unreachable`` everything fails."""

    def __init__(self) -> None:
        self.records: dict[PolicyId, PolicyRecord] = {}
        self.revisions: dict[PolicyRevision, FoundPolicy] = {}
        self.roster = {}
        self.verifications = {}
        self.seats: dict[Seat, tuple[int, datetime]] = {}
        self.counters: dict[PolicyLevel, int] = {}
        self.clock = datetime(2026, 1, 1, tzinfo=UTC)
        self.change_log = FakeChangeLog()
        self.recording = Recording()
        self.unreachable = False
        self._one_at_a_time = asyncio.Lock()

    async def atomically(self, work: Callable[[PolicyUnitOfWork], Awaitable[T]]) -> T:
        async with self._one_at_a_time:
            self._reach()
            before, self.recording = self._state(), Recording()
            try:
                result = await work(self)
                self.change_log.record(self.recording.changes, self.clock)
                return result
            except BaseException:
                self._back_to(before)
                raise

    async def policy(self, policy_id: PolicyId) -> EscalationPolicy | None:
        self._reach()
        return self._record(policy_id).live

    async def policies(self, after: PolicyId | None, limit: int) -> list[EscalationPolicy]:
        self._reach()
        return [policy for policy in self._live() if after is None or policy.policy_id > after][:limit]

    async def reading(self, work: Callable[[PolicyReads], Awaitable[T]]) -> T:
        self._reach()
        return await work(self)

    async def directory(self, subjects: Collection[Subject]) -> Directory:
        newest = {policy.policy_id: self.revisions[_newest(policy)] for policy in self._live()}
        services = {subject for subject in subjects if isinstance(subject, str)}
        coverage = await self.coverage(services)
        return Directory(
            covering={service: newest[policy_id] for service, policy_id in coverage.covered_by.items()},
            default=newest[coverage.default_policy_id] if coverage.default_policy_id else None,
            revisions=self.revisions,
            known_policies=frozenset(self.records),
            newest=newest,
        )

    async def schedules_at(self, asked: Collection[ScheduleAt]) -> dict[ScheduleAt, Schedule]:
        found = {}
        for name, moment in asked:
            read = (
                self.newest_entries(SCHEDULES, [name]) if moment is None else self.entries_at(SCHEDULES, [name], moment)
            )
            for schedule in (await read).values():
                found[name, moment] = schedule
        return found

    async def schedules_naming(self, person_id: PersonId, start: datetime, end: datetime) -> list[ScheduleId]:
        live = [schedule.schedule_id for schedule in self._live_entries(SCHEDULES)]
        stood = await self.entries_between(SCHEDULES, live, start, end)
        return [name for name in live if any(person_id in s.entry.definition.people for s in stood.get(name, ()))]

    async def turns(self, levels: Collection[PolicyLevel], seats: Collection[Seat]) -> Turns:
        taken = {seat: self.seats[seat][0] for seat in seats if seat in self.seats}
        return Turns(taken, {level: self.counters[level] for level in levels if level in self.counters})

    async def lock_turns(self, levels: Collection[PolicyLevel], seats: Collection[Seat]) -> Turns:
        return await self.turns(levels, seats)

    async def save_turns(self, given: Mapping[Seat, int], upcoming: Mapping[PolicyLevel, int], now: datetime) -> None:
        self.seats |= {seat: (turn, now) for seat, turn in given.items()}
        self.counters |= upcoming

    async def forget_turns(self, before: datetime, limit: int) -> int:
        old = [seat for seat, (_, at) in self.seats.items() if at < before][:limit]
        for seat in old:
            del self.seats[seat]
        return len(old)

    async def named_by(self, kind: Kind, entry_id: str) -> NamedBy | None:
        if (named := await super().named_by(kind, entry_id)) is not None:
            return named
        names_in = {"person": people_in, "schedule": schedules_in}[kind.name]
        naming = [policy.policy_id for policy in self._live() if entry_id in names_in(policy.definition.levels)]
        return NamedBy("policy", naming[0]) if naming else None

    async def now(self) -> datetime:
        return self.clock

    async def lock(self, policy_id: PolicyId) -> PolicyRecord:
        record = self._record(policy_id)
        self.recording.found(POLICIES, policy_id, record.live)
        return record

    async def coverage(self, services: Collection[MonitoredServiceId]) -> Coverage:
        asked = set(services)
        covered = {s: p.policy_id for p in self._live() for s in p.definition.monitored_service_ids if s in asked}
        defaults = [policy.policy_id for policy in self._live() if policy.definition.default_policy]
        return Coverage(covered, defaults[0] if defaults else None)

    async def save(self, policy: EscalationPolicy) -> None:
        self.records[policy.policy_id] = Record(POLICIES, policy.policy_id, policy.revision, policy)
        self.revisions[_newest(policy)] = found_in(policy.definition, policy.revision)
        self.recording.became(POLICIES, policy.policy_id, policy)

    async def release(self, policy_ids: Collection[PolicyId]) -> None:
        for policy_id in policy_ids:
            record = self.records[policy_id]
            bare = replace(record.live.definition, monitored_service_ids=(), default_policy=False)
            self.records[policy_id] = replace(record, live=replace(record.live, definition=bare))

    async def end(self, policy_id: PolicyId, now: datetime) -> None:
        self.records[policy_id] = replace(self.records[policy_id], live=None)
        self.recording.became(POLICIES, policy_id, None)

    async def verification(self, person_id: PersonId, contact_method_id: ContactMethodId) -> Verification | None:
        return self.verifications.get((person_id, contact_method_id))

    async def save_verification(self, verification: Verification) -> None:
        self.verifications[verification.person_id, verification.contact_method_id] = verification

    def _state(self):
        tables = (self.records, self.revisions, self.roster, self.verifications, self.seats, self.counters)
        return [dict(table) for table in tables]

    def _back_to(self, state):
        self.records, self.revisions, self.roster, self.verifications, self.seats, self.counters = state

    def _record(self, policy_id: PolicyId) -> PolicyRecord:
        return self.records.get(policy_id, Record(POLICIES, policy_id))

    def _live(self) -> list[EscalationPolicy]:
        return [record.live for _, record in sorted(self.records.items()) if record.live is not None]

    def _reach(self) -> None:
        if self.unreachable:
            raise StoreUnavailable


def _newest(policy: EscalationPolicy) -> PolicyRevision:
    return PolicyRevision(policy.policy_id, policy.revision)
