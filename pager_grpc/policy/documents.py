"""What a revision keeps as a JSON document, both ways: its name, its levels, how often they repeat.

What a policy does not use is not written, so that older documents read as they always did.
"""

from datetime import timedelta
from typing import Any

from pager_domain.kernel import PolicyId
from pager_domain.policy.directory import FoundPolicy
from pager_domain.policy.levels import (
    EmailTarget,
    EscalationLevel,
    PersonTarget,
    PolicyTarget,
    Selection,
    SmsTarget,
    email_target,
    person_target,
    schedule_target,
    sms_target,
)
from pager_domain.policy.model import PolicyDefinition

Document = dict[str, Any]


def document_of(definition: PolicyDefinition) -> Document:
    """The part of ``definition`` that a revision fixes; services and the default place belong to the present."""
    document = {
        "display_name": definition.display_name,
        "repeat_count": definition.repeat_count,
        "levels": [_level_document(level) for level in definition.levels],
    }
    if definition.acknowledgement_expiry is not None:
        document["acknowledgement_expiry_seconds"] = definition.acknowledgement_expiry.total_seconds()
    if definition.reopen_window is not None:
        document["reopen_window_seconds"] = definition.reopen_window.total_seconds()
    return document


def definition_in(policy_id: PolicyId, document: Document, **present: Any) -> PolicyDefinition:
    """The definition that ``document`` keeps; ``present`` are its services and whether it is the default."""
    return PolicyDefinition(
        policy_id=policy_id,
        levels=_levels_in(document),
        display_name=document["display_name"],
        repeat_count=document["repeat_count"],
        acknowledgement_expiry=_span_in(document, "acknowledgement_expiry_seconds"),
        reopen_window=_span_in(document, "reopen_window_seconds"),
        **present,
    )


def found_policy_in(policy_id: PolicyId, revision: int, document: Document) -> FoundPolicy:
    """What answers questions, read out of ``document``."""
    return FoundPolicy(
        policy_id,
        revision,
        _levels_in(document),
        document["repeat_count"],
        acknowledgement_expiry=_span_in(document, "acknowledgement_expiry_seconds"),
        reopen_window=_span_in(document, "reopen_window_seconds"),
    )


def _levels_in(document: Document) -> tuple[EscalationLevel, ...]:
    return tuple(_level_in(level) for level in document["levels"])


def _span_in(document: Document, key: str) -> timedelta | None:
    return timedelta(seconds=document[key]) if key in document else None


def _level_document(level: EscalationLevel) -> Document:
    document = {
        "acknowledgement_timeout_seconds": level.acknowledgement_timeout.total_seconds(),
        "targets": [_target_document(target) for target in level.targets],
    }
    if level.selection is not Selection.ALL:
        document["selection"] = level.selection.value
    return document


def _level_in(document: Document) -> EscalationLevel:
    timeout = timedelta(seconds=document["acknowledgement_timeout_seconds"])
    targets = tuple(_target_in(target) for target in document["targets"])
    return EscalationLevel(targets, timeout, Selection(document.get("selection", Selection.ALL)))


def _target_document(target: PolicyTarget) -> Document:
    named: Document = {"target_id": target.target_id}
    if isinstance(target, EmailTarget):
        return named | {"email_address": target.address.value}
    if isinstance(target, SmsTarget):
        return named | {"phone_number": target.number.value}
    if isinstance(target, PersonTarget):
        return named | {"person_id": target.person_id}
    return named | {"schedule_id": target.schedule_id}


def _target_in(document: Document) -> PolicyTarget:
    target_id = document["target_id"]
    if "email_address" in document:
        return email_target(target_id, document["email_address"])
    if "phone_number" in document:
        return sms_target(target_id, document["phone_number"])
    if "person_id" in document:
        return person_target(document["person_id"], target_id)
    return schedule_target(document["schedule_id"], target_id)
