"""Between ``policy.v1.PeopleService`` and the policy room's people, both ways."""

from pager_domain.errors import InvalidField
from pager_domain.kernel import EmailAddress, PhoneNumber, checked_id
from pager_domain.policy.people import (
    MAX_DELAY,
    MAX_REPEAT_INTERVAL,
    ContactMethod,
    ContactMethodId,
    NotificationRule,
    NotificationStep,
    Person,
    PersonDefinition,
    PersonId,
)
from pager_domain.policy.verification import checked_code
from pager_grpc.gen.policy.v1 import people_service_pb2 as pb
from pager_grpc.policy.wire_values import duration_to, span_from, timestamp_to, under


def person_id_from(person_id: str) -> PersonId:
    """The person that a request names."""
    return PersonId(checked_id("person_id", person_id))


def contact_method_from(
    request: pb.SendVerificationCodeRequest | pb.VerifyContactMethodRequest,
) -> tuple[PersonId, ContactMethodId]:
    """The contact method that a request names, behind its person."""
    method = checked_id("contact_method_id", request.contact_method_id)
    return person_id_from(request.person_id), ContactMethodId(method)


def code_from(request: pb.VerifyContactMethodRequest) -> str:
    """The code that a request brings back."""
    return checked_code(request.code)


def definition_from(person: pb.Person, path: str = "person") -> PersonDefinition:
    """What the caller says of a person; what only the server says is left aside."""
    with under(path):
        return PersonDefinition(
            person_id=person_id_from(person.person_id),
            display_name=person.display_name,
            time_zone=person.time_zone,
            contact_methods=tuple(_method_from(index, method) for index, method in enumerate(person.contact_methods)),
            high_urgency_rule=_rule_from("high_urgency_rule", person),
            low_urgency_rule=_rule_from("low_urgency_rule", person),
        )


def person_to(person: Person) -> pb.Person:
    """A person as stored."""
    definition = person.definition
    return pb.Person(
        person_id=definition.person_id,
        display_name=definition.display_name,
        time_zone=definition.time_zone,
        contact_methods=[_method_to(method) for method in definition.contact_methods],
        high_urgency_rule=_rule_to(definition.high_urgency_rule),
        low_urgency_rule=_rule_to(definition.low_urgency_rule),
        revision=person.revision,
        etag=person.etag,
        create_time=timestamp_to(person.create_time),
        update_time=timestamp_to(person.update_time),
    )


def _method_from(index: int, method: pb.ContactMethod) -> ContactMethod:
    with under(f"contact_methods[{index}]"):
        contact_method_id = ContactMethodId(method.contact_method_id)
        match method.WhichOneof("address"):
            case "email_address":
                return ContactMethod(contact_method_id, EmailAddress(method.email_address))
            case "phone_number":
                return ContactMethod(contact_method_id, PhoneNumber(method.phone_number))
            case _:
                raise InvalidField("address", "must be an email_address or a phone_number")


def _method_to(method: ContactMethod) -> pb.ContactMethod:
    shown = pb.ContactMethod(contact_method_id=method.contact_method_id)
    if isinstance(method.address, EmailAddress):
        shown.email_address = method.address.value
    else:
        shown.phone_number = method.address.value
    if method.verified_at is not None:
        shown.verify_time.CopyFrom(timestamp_to(method.verified_at))
    return shown


def _rule_from(field: str, person: pb.Person) -> NotificationRule | None:
    if not person.HasField(field):  # type: ignore[arg-type]  # one of the two rules
        return None
    rule: pb.NotificationRule = getattr(person, field)
    with under(field):
        interval = None
        if rule.HasField("repeat_interval"):
            limit = "must be 1 minute to 24 hours"
            interval = span_from("repeat_interval", rule.repeat_interval, MAX_REPEAT_INTERVAL, limit)
        return NotificationRule(tuple(_step_from(index, step) for index, step in enumerate(rule.steps)), interval)


def _step_from(index: int, step: pb.NotificationStep) -> NotificationStep:
    with under(f"steps[{index}]"):
        delay = span_from("delay", step.delay, MAX_DELAY, "must be 0 to 24 hours")
        return NotificationStep(delay, ContactMethodId(step.contact_method_id))


def _rule_to(rule: NotificationRule | None) -> pb.NotificationRule | None:
    if rule is None:
        return None
    steps = [
        pb.NotificationStep(delay=duration_to(step.delay), contact_method_id=step.contact_method_id)
        for step in rule.steps
    ]
    interval = rule.repeat_interval
    return pb.NotificationRule(steps=steps, repeat_interval=duration_to(interval) if interval is not None else None)
