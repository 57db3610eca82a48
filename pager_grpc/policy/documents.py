"""What a revision keeps as a JSON document, both ways: its name, its levels, how often they repeat."""

from datetime import timedelta
from typing import Any

from pager_domain.kernel import EmailTarget, EscalationLevel, NotificationTarget, email_target, sms_target
from pager_domain.policy.model import PolicyDefinition

Document = dict[str, Any]


def document_of(definition: PolicyDefinition) -> Document:
    """The part of ``definition`` that a revision fixes; services and the default place belong to the present."""
    return {
        "display_name": definition.display_name,
        "repeat_count": definition.repeat_count,
        "levels": [_level_document(level) for level in definition.levels],
    }


def levels_in(document: Document) -> tuple[EscalationLevel, ...]:
    """The levels that ``document`` keeps."""
    return tuple(_level_in(level) for level in document["levels"])


def _level_document(level: EscalationLevel) -> Document:
    return {
        "acknowledgement_timeout_seconds": level.acknowledgement_timeout.total_seconds(),
        "targets": [_target_document(target) for target in level.targets],
    }


def _level_in(document: Document) -> EscalationLevel:
    timeout = timedelta(seconds=document["acknowledgement_timeout_seconds"])
    return EscalationLevel(tuple(_target_in(target) for target in document["targets"]), timeout)


def _target_document(target: NotificationTarget) -> Document:
    if isinstance(target, EmailTarget):
        return {"target_id": target.target_id, "email_address": target.address.value}
    return {"target_id": target.target_id, "phone_number": target.number.value}


def _target_in(document: Document) -> NotificationTarget:
    if "email_address" in document:
        return email_target(document["target_id"], document["email_address"])
    return sms_target(document["target_id"], document["phone_number"])
