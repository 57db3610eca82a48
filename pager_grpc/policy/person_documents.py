"""What a revision of a person keeps as a JSON document, both ways. Addresses stand in it plainly."""

from datetime import datetime, timedelta
from typing import Any

from pager_domain.kernel import EmailAddress, PhoneNumber
from pager_domain.policy.people import (
    ContactMethod,
    ContactMethodId,
    NotificationRule,
    NotificationStep,
    PersonDefinition,
    PersonId,
)

Document = dict[str, Any]


def person_document(person: PersonDefinition) -> Document:
    """Everything but the id."""
    return {
        "display_name": person.display_name,
        "time_zone": person.time_zone,
        "contact_methods": [_method_document(method) for method in person.contact_methods],
        "high_urgency_rule": _rule_document(person.high_urgency_rule),
        "low_urgency_rule": _rule_document(person.low_urgency_rule),
    }


def person_in(person_id: str, document: Document) -> PersonDefinition:
    """The person that ``document`` keeps."""
    return PersonDefinition(
        person_id=PersonId(person_id),
        display_name=document["display_name"],
        time_zone=document["time_zone"],
        contact_methods=tuple(_method_in(method) for method in document["contact_methods"]),
        high_urgency_rule=_rule_in(document["high_urgency_rule"]),
        low_urgency_rule=_rule_in(document["low_urgency_rule"]),
    )


def _method_document(method: ContactMethod) -> Document:
    verified = method.verified_at.isoformat() if method.verified_at is not None else None
    return {
        "contact_method_id": method.contact_method_id,
        method.address_field: method.address.value,
        "verified_at": verified,
    }


def _method_in(document: Document) -> ContactMethod:
    verified = document["verified_at"]
    mail = document.get("email_address")
    return ContactMethod(
        ContactMethodId(document["contact_method_id"]),
        EmailAddress(mail) if mail is not None else PhoneNumber(document["phone_number"]),
        datetime.fromisoformat(verified) if verified is not None else None,
    )


def _rule_document(rule: NotificationRule | None) -> Document | None:
    if rule is None:
        return None
    steps = [{"delay_seconds": s.delay.total_seconds(), "contact_method_id": s.contact_method_id} for s in rule.steps]
    interval = rule.repeat_interval
    return {"steps": steps, "repeat_interval_seconds": interval.total_seconds() if interval is not None else None}


def _rule_in(document: Document | None) -> NotificationRule | None:
    if document is None:
        return None
    steps = (
        NotificationStep(timedelta(seconds=step["delay_seconds"]), ContactMethodId(step["contact_method_id"]))
        for step in document["steps"]
    )
    seconds = document["repeat_interval_seconds"]
    return NotificationRule(tuple(steps), timedelta(seconds=seconds) if seconds is not None else None)
