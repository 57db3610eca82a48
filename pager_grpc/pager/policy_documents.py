"""Policies as JSON documents and back: pinned by incidents, and last known. Pure.

Before levels named people, a target of a level was its address; such a document reads as one page at once.
"""

from functools import lru_cache
from typing import Any

from pydantic import TypeAdapter

from pager_domain.pager.model import EscalationPolicy
from pager_grpc.runtime.columns import as_document

_POLICY = TypeAdapter(EscalationPolicy)


@lru_cache(maxsize=1024)
def policy_document(policy: EscalationPolicy) -> str:
    """A policy as JSON. Many incidents share a policy, so it is made once."""
    return _POLICY.dump_json(policy).decode()


def policy_of(document: Any) -> EscalationPolicy:
    """A policy from its JSON, as text or read."""
    return _policy_of_text(document) if isinstance(document, str) else _policy_of(document)


@lru_cache(maxsize=1024)
def _policy_of_text(text: str) -> EscalationPolicy:
    return _policy_of(as_document(text))


def _policy_of(document: Any) -> EscalationPolicy:
    levels = [
        level | {"targets": [*map(_resolved_target, level["targets"])]} if "targets" in level else level
        for level in document["levels"]
    ]
    return _POLICY.validate_python(document | {"levels": levels})


def _resolved_target(target: dict[str, Any]) -> dict[str, Any]:
    if "high_urgency_rule" in target:
        return target
    return {"target_id": target["target_id"], "high_urgency_rule": {"steps": [{"target": target}]}}
