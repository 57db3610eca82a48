"""The use case behind every page: policies, people on call and turns, read at one moment and put together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pager_domain.policy.directory import FoundPolicy, NotFound, OnePerson, Question
from pager_domain.policy.errors import PersonUnknown, PolicyUnknown
from pager_domain.policy.levels import Selection, people_in, schedules_in
from pager_domain.policy.model import RESERVED_PREFIX
from pager_domain.policy.people import PEOPLE, PersonDefinition, PersonId
from pager_domain.policy.ports.policy_store import PolicyReads, PolicyStore, PolicyUnitOfWork
from pager_domain.policy.resolution import Moment, Resolver
from pager_domain.policy.resolved import ResolvedEscalation
from pager_domain.policy.timetable import Timetable
from pager_domain.policy.turns import Seat, Turns

Unresolved = NotFound | PersonUnknown
Resolution = ResolvedEscalation | Unresolved


@dataclass(frozen=True, slots=True)
class _Asked:
    question: Question
    found: FoundPolicy | NotFound
    moment: Moment

    @property
    def policy(self) -> FoundPolicy | None:
        return self.found if isinstance(self.found, FoundPolicy) else None

    def seats(self) -> list[Seat]:
        """The levels at which targets take turns."""
        levels = enumerate(self.policy.levels if self.policy else (), 1)
        turning = [number for number, level in levels if level.selection is Selection.ROUND_ROBIN]
        return [Seat(self.policy.policy_id, number, self.question.incident_id) for number in turning if self.policy]


@dataclass(frozen=True, slots=True)
class _Known:
    asked: list[_Asked]
    timetable: Timetable
    people: Mapping[PersonId, PersonDefinition]
    turns: Turns


async def resolve_all(store: PolicyStore, questions: Sequence[Question]) -> list[Resolution]:
    """The answer to each of ``questions``, in their order; an error in its place where there is none.

    Raises:
        StoreUnavailable: the store cannot be reached.
    """
    known = await store.reading(lambda reads: _read(reads, questions))
    turns = await _seated(store, known)
    resolver = Resolver(known.timetable, known.people)
    return [_answer(asked, known, resolver, turns) for asked in known.asked]


async def _read(reads: PolicyReads, questions: Sequence[Question]) -> _Known:
    directory = await reads.directory({question.subject for question in questions})
    now = await reads.now()
    asked = [_Asked(each, directory.find(each.subject), _moment(each, now)) for each in questions]
    timetable = await _read_timetable(reads, asked)
    named = people_in(level for each in asked if each.policy for level in each.policy.levels)
    people = await reads.newest_entries(PEOPLE, named | timetable.people())
    seats = [seat for each in asked for seat in each.seats()]
    turns = Turns({}, {})
    if seats:
        turns = await reads.turns({seat.at for seat in seats}, {seat for seat in seats if seat.incident_id})
    definitions = {PersonId(person_id): person.definition for person_id, person in people.items()}
    return _Known(asked, timetable, definitions, turns)


def _moment(question: Question, now: datetime) -> Moment:
    return Moment(question.at or now, question.forecast, schedules_of=question.at)


async def _read_timetable(reads: PolicyReads, asked: Sequence[_Asked]) -> Timetable:
    wanted = {
        ((schedule_id, each.moment.schedules_of), each.moment)
        for each in asked
        if each.policy
        for schedule_id in schedules_in(each.policy.levels)
    }
    schedules = await reads.schedules_at({schedule for schedule, _ in wanted}) if wanted else {}
    timetable = Timetable({schedule: found.definition for schedule, found in schedules.items()})
    for schedule, moment in wanted:
        timetable.shifts(schedule, moment.at, moment.forecast)
    return timetable


async def _seated(store: PolicyStore, known: _Known) -> Turns:
    """The turns, with one for each incident; only the first question about an incident writes anything."""
    seats = dict.fromkeys(seat for each in known.asked for seat in each.seats() if seat.incident_id)
    if all(seat in known.turns.taken for seat in seats):
        return known.turns
    levels = {seat.at for seat in seats}

    async def work(unit: PolicyUnitOfWork) -> Turns:
        before = await unit.lock_turns(levels, seats)
        after = before.given(seats)
        given = {seat: turn for seat, turn in after.taken.items() if seat not in before.taken}
        changed = {seat.at: after.upcoming[seat.at] for seat in given}
        if given:
            await unit.save_turns(given, changed, await unit.now())
        return after

    written = await store.atomically(work)
    return Turns(written.taken, {**known.turns.upcoming, **written.upcoming})


def _answer(asked: _Asked, known: _Known, resolver: Resolver, turns: Turns) -> Resolution:
    if not isinstance(asked.found, FoundPolicy):
        return asked.found
    found, incident_id = asked.found, asked.question.incident_id
    if found.policy_id.startswith(RESERVED_PREFIX) and not people_in(found.levels) <= known.people.keys():
        subject = asked.question.subject
        return PersonUnknown(subject.person_id) if isinstance(subject, OnePerson) else PolicyUnknown(found.policy_id)
    return resolver.resolve(found, asked.moment, lambda level: turns.of(Seat(found.policy_id, level, incident_id)))
