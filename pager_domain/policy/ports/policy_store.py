"""Where escalation policies are kept, and, in the same transactions, the roster of people and schedules."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from typing import Protocol, TypeVar

from pager_domain.kernel import MonitoredServiceId, PolicyId
from pager_domain.policy.directory import Directory, Subject
from pager_domain.policy.model import Coverage, EscalationPolicy, PolicyRecord
from pager_domain.policy.people import PersonId
from pager_domain.policy.ports.contact_verifications import VerificationUnitOfWork
from pager_domain.policy.ports.roster_store import RosterReads, RosterStore, RosterUnitOfWork
from pager_domain.policy.schedules import Schedule, ScheduleId
from pager_domain.policy.timetable import ScheduleAt
from pager_domain.policy.turns import PolicyLevel, Seat, Turns

T = TypeVar("T")


class PolicyUnitOfWork(RosterUnitOfWork, VerificationUnitOfWork, Protocol):
    """One transaction of :class:`PolicyStore`; what it writes is seen by others all at once or never."""

    async def now(self) -> datetime:
        """The present moment by the store's clock, aware, in UTC."""

    async def lock(self, policy_id: PolicyId) -> PolicyRecord:
        """What has become of ``policy_id``; other writers of the same policy wait until this transaction ends."""

    async def coverage(self, services: Collection[MonitoredServiceId]) -> Coverage:
        """Who covers ``services`` (up to 10000) and who is the default, as far as committed."""

    async def save(self, policy: EscalationPolicy) -> None:
        """Keeps ``policy`` as the newest revision of its id, with its services and its place as default."""

    async def release(self, policy_ids: Collection[PolicyId]) -> None:
        """Takes their services and the place of the default from live policies that are saved later in this
        transaction: so policies can take from each other, in whatever order they are saved.
        """

    async def end(self, policy_id: PolicyId, now: datetime) -> None:
        """Ends a policy and frees its services; its revisions stay."""

    async def lock_turns(self, levels: Collection[PolicyLevel], seats: Collection[Seat]) -> Turns:
        """The turns of ``seats`` and what comes next at ``levels``, which nobody else gives until this ends."""

    async def save_turns(self, given: Mapping[Seat, int], upcoming: Mapping[PolicyLevel, int], now: datetime) -> None:
        """Keeps turns that were given just now, and which comes next at the levels they were given at."""

    async def forget_turns(self, before: datetime, limit: int) -> int:
        """Forgets up to ``limit`` turns that were given before a moment; how many it were."""


class PolicyReads(RosterReads, Protocol):
    """Everything that is needed to say whom to page, all of one moment."""

    async def now(self) -> datetime:
        """The present moment by the store's clock, aware, in UTC."""

    async def directory(self, subjects: Collection[Subject]) -> Directory:
        """The policies that answer for ``subjects`` (up to 1000)."""

    async def schedules_at(self, asked: Collection[ScheduleAt]) -> dict[ScheduleAt, Schedule]:
        """The revisions of schedules that stood at the moments that are asked for; the newest where none is said."""

    async def schedules_naming(self, person_id: PersonId, start: datetime, end: datetime) -> list[ScheduleId]:
        """The live schedules that name a person in a revision that stood at some time from ``start`` up to ``end``.

        Ordered by id (by code point).
        """

    async def turns(self, levels: Collection[PolicyLevel], seats: Collection[Seat]) -> Turns:
        """The turns of ``seats`` that have one, and what comes next at ``levels``."""


class PolicyStore(RosterStore, Protocol):
    """Keeps policies and every revision they ever had.

    It never holds two policies that cover one service, two defaults, or a revision with two contents, whatever is
    written at the same time. Every method raises :class:`~pager_domain.errors.StoreUnavailable` when the store
    cannot be reached.
    """

    async def atomically(self, work: Callable[[PolicyUnitOfWork], Awaitable[T]]) -> T:
        """Runs ``work`` in one transaction: committed when it returns, undone when it raises.

        What it saved or ended leaves a change record in the same transaction, with what it had locked before.

        ``work`` is run again from the start, seeing what the others have committed, when it lost a race; so the
        rules that it asks always give the true reason.
        """

    async def policy(self, policy_id: PolicyId) -> EscalationPolicy | None:
        """The newest revision, or None if there is no such policy or it has ended."""

    async def policies(self, after: PolicyId | None, limit: int) -> list[EscalationPolicy]:
        """Up to ``limit`` policies that have not ended, ordered by id (by code point), with ids behind ``after``."""

    async def reading(self, work: Callable[[PolicyReads], Awaitable[T]]) -> T:
        """Runs ``work``, which changes nothing, on what is stored at one moment. It may be run again, later."""
