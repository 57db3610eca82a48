"""People and schedules by name, and strategies for any of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from pager_domain.errors import InvalidField
from pager_domain.kernel import EmailAddress, PhoneNumber
from pager_domain.policy.people import (
    Address,
    ContactMethod,
    ContactMethodId,
    NotificationRule,
    NotificationStep,
    PersonDefinition,
    PersonId,
)
from pager_domain.policy.schedules import Layer, LayerId, Rotation, ScheduleDefinition, ScheduleId, Unit

ANA = PersonId("ana")
BEN = PersonId("ben")


def a_method(contact_method_id: str, address: str, verified_at: datetime | None = None) -> ContactMethod:
    """A contact method; an address with a plus in front is a phone number."""
    kind: Address = PhoneNumber(address) if address.startswith("+") else EmailAddress(address)
    return ContactMethod(ContactMethodId(contact_method_id), kind, verified_at)


ANA_MAIL = a_method("mail", "ana@example.com")
ANA_PHONE = a_method("phone", "+4915112345678")


def a_rule(*steps: tuple[int, str], repeat_minutes: int | None = None) -> NotificationRule:
    """A rule of steps (minutes, contact method)."""
    listed = tuple(NotificationStep(timedelta(minutes=after), ContactMethodId(method)) for after, method in steps)
    return NotificationRule(listed, timedelta(minutes=repeat_minutes) if repeat_minutes is not None else None)


def a_person(person_id: str = "ana", *methods: ContactMethod, **more: Any) -> PersonDefinition:
    """A person with these contact methods; Ana's mail if none is given."""
    return PersonDefinition(PersonId(person_id), contact_methods=methods or (ANA_MAIL,), **more)


def a_rotation(*people: str, **more: Any) -> Rotation:
    """Weeks that begin on Monday the 2nd of November 2026 at nine."""
    more.setdefault("unit", Unit.WEEK)
    more.setdefault("starts_at", datetime(2026, 11, 2, 9))  # noqa: DTZ001 - wall time
    return Rotation(tuple(PersonId(person) for person in people), **more)


def a_schedule(schedule_id: str = "primary", *people: str, **more: Any) -> ScheduleDefinition:
    """A schedule of one layer, in Berlin, in which ``people`` (Ana if none) take turns by the week."""
    more.setdefault("layers", (Layer(LayerId("weeks"), a_rotation(*(people or ("ana",)))),))
    more.setdefault("time_zone", "Europe/Berlin")
    return ScheduleDefinition(ScheduleId(schedule_id), **more)


_characters = st.characters(exclude_categories=["Cs", "Cc"])
_ids = st.text(_characters, min_size=1, max_size=60).filter(str.strip)
_labels = st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True)
_addresses = st.builds("{}@{}.example".format, _labels, _labels) | st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True)
_moments = st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
_methods = st.lists(
    st.builds(a_method, _ids, _addresses, st.none() | _moments),
    max_size=5,
    unique_by=(lambda method: method.contact_method_id, lambda method: method.address),
)


@st.composite
def _rules(draw: st.DrawFn, methods: list[ContactMethod]) -> NotificationRule:
    names = st.sampled_from([method.contact_method_id for method in methods])
    delays = st.timedeltas(timedelta(0), timedelta(hours=24))
    steps = draw(st.lists(st.builds(NotificationStep, delays, names), min_size=1, max_size=5, unique=True))
    interval = draw(st.none() | st.timedeltas(timedelta(minutes=1), timedelta(hours=24)))
    return NotificationRule(tuple(sorted(steps, key=lambda step: step.delay)), interval)


@st.composite
def _people(draw: st.DrawFn) -> PersonDefinition:
    methods = draw(_methods)
    rules = st.none() | _rules(methods) if methods else st.none()
    return PersonDefinition(
        person_id=PersonId(draw(_ids)),
        display_name=draw(st.text(_characters, max_size=60)),
        time_zone=draw(st.sampled_from(["", "UTC", "Europe/Berlin", "Asia/Kathmandu"])),
        contact_methods=tuple(methods),
        high_urgency_rule=draw(rules),
        low_urgency_rule=draw(rules),
    )


people = _people()
"""Any person that can be."""


def refused_field(make: Any) -> str:
    """The field that ``make`` is refused for; empty if it is not."""
    try:
        make()
    except InvalidField as fault:
        return fault.field
    return ""
