"""People: who may be paged, and how each of them wants to be reached."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NewType

from pager_domain.kernel import EmailAddress, PhoneNumber

PersonId = NewType("PersonId", str)
ContactMethodId = NewType("ContactMethodId", str)

Address = EmailAddress | PhoneNumber


@dataclass(frozen=True, slots=True)
class ContactMethod:
    """One way to reach a person. It counts only when it is verified."""

    contact_method_id: ContactMethodId
    address: Address
    verified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NotificationStep:
    """One page, ``delay`` after the level is notified."""

    delay: timedelta
    contact_method_id: ContactMethodId


@dataclass(frozen=True, slots=True)
class NotificationRule:
    """The pages of one level to one person; the last step is repeated every ``repeat_interval``, if there is one."""

    steps: tuple[NotificationStep, ...]
    repeat_interval: timedelta | None = None


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
