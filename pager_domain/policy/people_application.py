"""The use cases of people: fetch, tell, keep."""

from pager_domain.policy.errors import PersonInUse, PersonUnknown
from pager_domain.policy.people import PEOPLE, Person, PersonDefinition, PersonId, checked_new_person_id
from pager_domain.policy.ports.policy_store import PolicyStore, PolicyUnitOfWork
from pager_domain.policy.ports.roster_store import NamedBy


class PeopleApplicationService:
    """What may be asked about people."""

    def __init__(self, store: PolicyStore) -> None:
        self._store = store

    async def create(self, definition: PersonDefinition) -> Person:
        """A new person, no contact method of whom is verified.

        Raises:
            PersonExists: the id is taken.
            InvalidField: the id is longer than 248 bytes.
        """
        checked_new_person_id("person.person_id", definition.person_id)

        async def work(unit: PolicyUnitOfWork) -> Person:
            record = await unit.lock_entry(PEOPLE, definition.person_id)
            person = record.create(definition.verified_as(None), await unit.now())
            await unit.save_entry(PEOPLE, person)
            return person

        return await self._store.atomically(work)

    async def update(self, definition: PersonDefinition, etag: str) -> Person:
        """The person as it is now; a new revision if anything is different. What was verified stays so.

        Raises:
            PersonUnknown: there is none to update.
            PersonStale: it has changed since it was read.
        """

        async def work(unit: PolicyUnitOfWork) -> Person:
            record = await unit.lock_entry(PEOPLE, definition.person_id)
            wanted = definition.verified_as(record.read_at(etag).definition)
            person = record.update(wanted, etag, await unit.now())
            if person is not record.live:
                await unit.save_entry(PEOPLE, person)
            return person

        return await self._store.atomically(work)

    async def delete(self, person_id: PersonId, etag: str) -> None:
        """Ends a person whom nothing names.

        Raises:
            PersonUnknown: there is none to end.
            PersonStale: it has changed since it was read.
            PersonInUse: a schedule or a policy names it.
        """

        async def work(unit: PolicyUnitOfWork) -> None:
            (await unit.lock_entry(PEOPLE, person_id)).read_at(etag)
            if (by := await unit.named_by(PEOPLE, person_id)) is not None:
                raise person_in_use(person_id, by)
            await unit.end_entry(PEOPLE, person_id, await unit.now())

        await self._store.atomically(work)

    async def person(self, person_id: PersonId) -> Person:
        """The newest revision.

        Raises:
            PersonUnknown: there is none, or it has ended.
        """
        found = await self._store.newest_entries(PEOPLE, [person_id])
        if person_id not in found:
            raise PersonUnknown(person_id)
        return found[person_id]

    async def people(self, after: PersonId | None, limit: int) -> list[Person]:
        """Up to ``limit`` people behind ``after``, ordered by id."""
        return await self._store.entries(PEOPLE, after, limit)


def person_in_use(person_id: str, by: NamedBy) -> PersonInUse:
    """Why a person whom something names is not ended."""
    return PersonInUse(person_id, by.kind, by.entry_id, by.place.override_id, by.place.shift_swap_id)
