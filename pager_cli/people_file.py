"""People in the configuration file: YAML to protobuf and back."""

import re
from datetime import timedelta

from pager_cli.durations import written_duration
from pager_cli.fields import Faults, Fields, refuse_repeats
from pager_grpc.gen.policy.v1 import people_service_pb2 as pb

MAX_CONTACTS = 20
MAX_STEPS = 20
LONGEST_DELAY = timedelta(hours=24)
LEAST_REPEAT, MOST_REPEAT = timedelta(minutes=1), timedelta(hours=24)
# Enough to catch a slip of the hand; the policy service decides.
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")

_PERSON = ("id", "name", "zone", "contacts", "high_urgency", "low_urgency")
_CONTACT = ("id", "email", "sms")
_RULE = ("steps", "repeat")
_STEP = ("contact", "after")


def person_in(value: object, path: str, faults: Faults) -> pb.Person:
    """The person that ``value`` describes; its faults are noted."""
    fields = Fields.read(value, path, faults, _PERSON)
    person = pb.Person(
        person_id=fields.text("id", required=True),
        display_name=fields.name("name"),
        time_zone=fields.text("zone"),
        contact_methods=[
            _contact(at, where, faults) for at, where in fields.each("contacts", least=0, most=MAX_CONTACTS)
        ],
    )
    contacts = [
        (method.contact_method_id, f"{path}.contacts[{n}].id") for n, method in enumerate(person.contact_methods)
    ]
    refuse_repeats(contacts, faults, lambda value, earlier: f"{value!r} is the id at {earlier} already")
    known = {method for method, _ in contacts}
    for key, rule in (("high_urgency", person.high_urgency_rule), ("low_urgency", person.low_urgency_rule)):
        if fields.values.get(key) is not None:
            rule.CopyFrom(_rule(fields.values[key], f"{path}.{key}", faults, known))
    return person


def _contact(value: object, path: str, faults: Faults) -> pb.ContactMethod:
    fields = Fields.read(value, path, faults, _CONTACT)
    method = pb.ContactMethod(contact_method_id=fields.text("id", required=True))
    email, sms = fields.text("email"), fields.text("sms")
    if bool(email) == bool(sms) and fields.values:
        faults.add(path, "must have either email or sms")
    elif email:
        if not _EMAIL.fullmatch(email):
            fields.fault("email", "must be an e-mail address like ana@example.com")
        method.email_address = email
    elif sms:
        if not _E164.fullmatch(sms):
            fields.fault("sms", 'must be an E.164 number in quotes, like "+4915112345678"')
        method.phone_number = sms
    return method


def _rule(value: object, path: str, faults: Faults, contacts: set[str]) -> pb.NotificationRule:
    fields = Fields.read(value, path, faults, _RULE)
    rule = pb.NotificationRule()
    before = timedelta()
    for step, at in fields.each("steps", least=1, most=MAX_STEPS):
        read = Fields.read(step, at, faults, _STEP)
        contact = read.text("contact", required=True)
        if contact and contact not in contacts:
            read.fault("contact", f"{contact!r} is not one of the contacts")
        delay = read.duration("after", timedelta(), timedelta(), LONGEST_DELAY)
        if delay < before:
            read.fault("after", "must not be before that of the step before")
        before = max(before, delay)
        rule.steps.add(contact_method_id=contact).delay.FromTimedelta(delay)
    if fields.values.get("repeat") is not None:
        rule.repeat_interval.FromTimedelta(fields.duration("repeat", LEAST_REPEAT, LEAST_REPEAT, MOST_REPEAT))
    return rule


def person_document(person: pb.Person) -> dict[str, object]:
    """``person`` as the file has it."""
    document: dict[str, object] = {"id": person.person_id}
    if person.display_name:
        document["name"] = person.display_name
    if person.time_zone:
        document["zone"] = person.time_zone
    if person.contact_methods:
        document["contacts"] = [_contact_document(method) for method in person.contact_methods]
    if person.HasField("high_urgency_rule"):
        document["high_urgency"] = _rule_document(person.high_urgency_rule)
    if person.HasField("low_urgency_rule"):
        document["low_urgency"] = _rule_document(person.low_urgency_rule)
    return document


def _contact_document(method: pb.ContactMethod) -> dict[str, object]:
    if method.WhichOneof("address") == "phone_number":
        return {"id": method.contact_method_id, "sms": method.phone_number}
    return {"id": method.contact_method_id, "email": method.email_address}


def _rule_document(rule: pb.NotificationRule) -> dict[str, object]:
    document: dict[str, object] = {"steps": [_step_document(step) for step in rule.steps]}
    if rule.HasField("repeat_interval"):
        document["repeat"] = written_duration(rule.repeat_interval.ToTimedelta())
    return document


def _step_document(step: pb.NotificationStep) -> dict[str, object]:
    delay = step.delay.ToTimedelta()
    later: dict[str, object] = {"after": written_duration(delay)} if delay else {}
    return {"contact": step.contact_method_id} | later
