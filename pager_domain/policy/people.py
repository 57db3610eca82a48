"""People: who may be paged, and how each of them wants to be reached.

A contact method counts only after its owner has shown that messages arrive there (``verification.py``).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NewType

from pager_domain.errors import InvalidField
from pager_domain.kernel import EmailAddress, PhoneNumber, checked_id, checked_moment, checked_text
from pager_domain.policy.errors import PersonExists, PersonStale, PersonUnknown
from pager_domain.policy.revisions import Kind, Record, Revisioned
from pager_domain.wall_time import zone_named

PersonId = NewType("PersonId", str)
ContactMethodId = NewType("ContactMethodId", str)

Address = EmailAddress | PhoneNumber

MAX_PERSON_ID_BYTES = 248
"""Of a new person: the policy that names one person alone has that id behind ``person/``, and fits into 255 bytes."""
MAX_DISPLAY_NAME_BYTES = 255
MAX_CONTACT_METHODS = 20
MAX_STEPS = 20
MAX_DELAY = timedelta(hours=24)
MIN_REPEAT_INTERVAL = timedelta(minutes=1)
MAX_REPEAT_INTERVAL = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class ContactMethod:
    """One way to reach a person. It counts only when it is verified."""

    contact_method_id: ContactMethodId
    address: Address
    verified_at: datetime | None = None

    def __post_init__(self) -> None:
        checked_id("contact_method_id", self.contact_method_id)
        if self.verified_at is not None:
            object.__setattr__(self, "verified_at", checked_moment("verify_time", self.verified_at))

    @property
    def address_field(self) -> str:
        """What the contract calls this kind of address."""
        return "email_address" if isinstance(self.address, EmailAddress) else "phone_number"


@dataclass(frozen=True, slots=True)
class NotificationStep:
    """One page, ``delay`` after the level is notified; 0 to 24 hours."""

    delay: timedelta
    contact_method_id: ContactMethodId

    def __post_init__(self) -> None:
        if not timedelta() <= self.delay <= MAX_DELAY:
            raise InvalidField("delay", "must be 0 to 24 hours")
        checked_id("contact_method_id", self.contact_method_id)


@dataclass(frozen=True, slots=True)
class NotificationRule:
    """The pages of one level to one person; the last step is repeated every ``repeat_interval``, if there is one."""

    steps: tuple[NotificationStep, ...]
    repeat_interval: timedelta | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.steps) <= MAX_STEPS:
            raise InvalidField("steps", f"must be 1 to {MAX_STEPS}")
        for index, (before, step) in enumerate(zip(self.steps, self.steps[1:], strict=False), 1):
            if step.delay < before.delay:
                raise InvalidField(f"steps[{index}].delay", "must not be shorter than that of the step before")
            if step in self.steps[:index]:
                raise InvalidField(f"steps[{index}]", "must not be there twice")
        interval = self.repeat_interval
        if interval is not None and not MIN_REPEAT_INTERVAL <= interval <= MAX_REPEAT_INTERVAL:
            raise InvalidField("repeat_interval", "must be 1 minute to 24 hours")


@dataclass(frozen=True, slots=True)
class PersonDefinition:
    """What people say of a person: everything but revision and times.

    Without a rule for high urgency every verified contact method is used at once, without one for low urgency the
    first verified one.
    """

    person_id: PersonId
    display_name: str = ""
    time_zone: str = ""
    contact_methods: tuple[ContactMethod, ...] = ()
    high_urgency_rule: NotificationRule | None = None
    low_urgency_rule: NotificationRule | None = None

    def __post_init__(self) -> None:
        checked_id("person_id", self.person_id)
        checked_text("display_name", self.display_name, MAX_DISPLAY_NAME_BYTES)
        if self.time_zone:
            zone_named(self.time_zone)
        _check_contact_methods(self.contact_methods)
        known = {method.contact_method_id for method in self.contact_methods}
        for field in ("high_urgency_rule", "low_urgency_rule"):
            with _inside(field):
                _check_steps(getattr(self, field), known)

    @property
    def entry_id(self) -> str:
        """The id, which never changes."""
        return self.person_id

    def contact_method(self, contact_method_id: ContactMethodId) -> ContactMethod | None:
        """The contact method of that id, or None."""
        return next((m for m in self.contact_methods if m.contact_method_id == contact_method_id), None)

    def verified_as(self, before: "PersonDefinition | None") -> "PersonDefinition":
        """This, with exactly those contact methods verified whose address was verified ``before``."""
        known = {_same(m.address): m.verified_at for m in before.contact_methods} if before is not None else {}
        methods = (replace(m, verified_at=known.get(_same(m.address))) for m in self.contact_methods)
        return replace(self, contact_methods=tuple(methods))

    def with_verified(self, contact_method_id: ContactMethodId, now: datetime) -> "PersonDefinition":
        """This, with one contact method verified ``now``."""
        methods = (
            replace(m, verified_at=now) if m.contact_method_id == contact_method_id else m for m in self.contact_methods
        )
        return replace(self, contact_methods=tuple(methods))


def checked_new_person_id(field: str, person_id: PersonId) -> PersonId:
    """``person_id`` if a person may be made under it; somebody who is there already may have up to 255 bytes."""
    return PersonId(checked_text(field, person_id, MAX_PERSON_ID_BYTES, required=True))


class Person(Revisioned[PersonDefinition]):
    """One revision of a person; the newest one, unless said."""

    __slots__ = ()

    @property
    def person_id(self) -> PersonId:
        """The id, which never changes."""
        return self.definition.person_id


PersonRecord = Record[PersonDefinition, Person]
PEOPLE = Kind("person", Person, PersonUnknown, PersonExists, PersonStale)


def _check_contact_methods(methods: Sequence[ContactMethod]) -> None:
    if len(methods) > MAX_CONTACT_METHODS:
        raise InvalidField("contact_methods", f"must be at most {MAX_CONTACT_METHODS}")
    ids: set[ContactMethodId] = set()
    addresses: set[str] = set()
    for index, method in enumerate(methods):
        with _inside(f"contact_methods[{index}]"):
            if method.contact_method_id in ids:
                raise InvalidField("contact_method_id", "must not be there twice")
            if _same(method.address) in addresses:
                raise InvalidField(method.address_field, "must not be there twice")
        ids.add(method.contact_method_id)
        addresses.add(_same(method.address))


def _check_steps(rule: NotificationRule | None, known: set[ContactMethodId]) -> None:
    for index, step in enumerate(rule.steps if rule is not None else ()):
        if step.contact_method_id not in known:
            raise InvalidField(f"steps[{index}].contact_method_id", "must name a contact method of the person")


def _same(address: Address) -> str:
    """What two spellings of one address have in common."""
    return address.value.lower()


@contextmanager
def _inside(path: str) -> Iterator[None]:
    try:
        yield
    except InvalidField as fault:
        raise InvalidField(f"{path}.{fault.field}", fault.limit) from None
