"""The policy store in a dictionary."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from fakes.roster_store import FakeRoster

from pager_domain.errors import StoreUnavailable
from pager_domain.kernel import MonitoredServiceId, PolicyId
from pager_domain.policy.model import (
    POLICIES,
    Coverage,
    Directory,
    EscalationPolicy,
    PolicyRecord,
    PolicyRevision,
    ResolvedEscalation,
    Subject,
)
from pager_domain.policy.people import ContactMethodId, PersonId
from pager_domain.policy.ports.policy_store import PolicyStore, PolicyUnitOfWork
from pager_domain.policy.revisions import Record
from pager_domain.policy.verification import Verification

T = TypeVar("T")


class FakePolicyStore(FakeRoster, PolicyStore, PolicyUnitOfWork):
    """One transaction at a time. ``clock`` is what ``now`` says; while ``unreachable`` everything fails."""

    def __init__(self) -> None:
        self.records: dict[PolicyId, PolicyRecord] = {}
        self.revisions: dict[PolicyRevision, ResolvedEscalation] = {}
        self.roster = {}
        self.verifications = {}
        self.clock = datetime(2026, 1, 1, tzinfo=UTC)
        self.unreachable = False
        self._one_at_a_time = asyncio.Lock()

    async def atomically(self, work: Callable[[PolicyUnitOfWork], Awaitable[T]]) -> T:
        async with self._one_at_a_time:
            self._reach()
            before = dict(self.records), dict(self.revisions), dict(self.roster), dict(self.verifications)
            try:
                return await work(self)
            except BaseException:
                self.records, self.revisions, self.roster, self.verifications = before
                raise

    async def policy(self, policy_id: PolicyId) -> EscalationPolicy | None:
        self._reach()
        return self._record(policy_id).live

    async def policies(self, after: PolicyId | None, limit: int) -> list[EscalationPolicy]:
        self._reach()
        return [policy for policy in self._live() if after is None or policy.policy_id > after][:limit]

    async def directory(self, subjects: Sequence[Subject]) -> Directory:
        self._reach()
        newest = {policy.policy_id: self.revisions[_newest(policy)] for policy in self._live()}
        services = {subject for subject in subjects if not isinstance(subject, PolicyRevision)}
        coverage = await self.coverage(services)
        return Directory(
            covering={service: newest[policy_id] for service, policy_id in coverage.covered_by.items()},
            default=newest[coverage.default_policy_id] if coverage.default_policy_id else None,
            revisions=self.revisions,
            known_policies=frozenset(self.records),
        )

    async def now(self) -> datetime:
        return self.clock

    async def lock(self, policy_id: PolicyId) -> PolicyRecord:
        return self._record(policy_id)

    async def coverage(self, services: Collection[MonitoredServiceId]) -> Coverage:
        asked = set(services)
        covered = {s: p.policy_id for p in self._live() for s in p.definition.monitored_service_ids if s in asked}
        defaults = [policy.policy_id for policy in self._live() if policy.definition.default_policy]
        return Coverage(covered, defaults[0] if defaults else None)

    async def save(self, policy: EscalationPolicy) -> None:
        definition = policy.definition
        self.records[policy.policy_id] = Record(POLICIES, policy.policy_id, policy.revision, policy)
        self.revisions[_newest(policy)] = ResolvedEscalation(
            policy.policy_id, policy.revision, definition.levels, definition.repeat_count
        )

    async def end(self, policy_id: PolicyId, now: datetime) -> None:
        self.records[policy_id] = replace(self.records[policy_id], live=None)

    async def verification(self, person_id: PersonId, contact_method_id: ContactMethodId) -> Verification | None:
        return self.verifications.get((person_id, contact_method_id))

    async def save_verification(self, verification: Verification) -> None:
        self.verifications[verification.person_id, verification.contact_method_id] = verification

    def _record(self, policy_id: PolicyId) -> PolicyRecord:
        return self.records.get(policy_id, Record(POLICIES, policy_id))

    def _live(self) -> list[EscalationPolicy]:
        return [record.live for _, record in sorted(self.records.items()) if record.live is not None]

    def _reach(self) -> None:
        if self.unreachable:
            raise StoreUnavailable


def _newest(policy: EscalationPolicy) -> PolicyRevision:
    return PolicyRevision(policy.policy_id, policy.revision)
