"""Policies as JSON documents, their addresses sealed, and back: pinned by incidents, and last known. Pure.

Before levels named people, a target of a level was its address; such a document reads as one page at once.
"""

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import from_json

from pager_domain.pager.model import EscalationPolicy
from pager_grpc.pager.sealing import Sealing

_POLICY = TypeAdapter(EscalationPolicy)
_ADDRESSES = {"address", "number"}


# Nothing else looks like it: inside of a text quotation marks are escaped. An address has no sign that would be.
_PLAIN_ADDRESS = re.compile(r'"(address|number)":\{"value":"([^"\\]+)"\}')


def policy_document(policy: EscalationPolicy, sealing: Sealing) -> str:
    """A policy as JSON, its addresses sealed."""
    return document_and_fingerprint(policy, sealing)[0]


@lru_cache(maxsize=1024)
def document_and_fingerprint(policy: EscalationPolicy, sealing: Sealing) -> tuple[str, str]:
    """A policy as JSON, made once for all incidents that share it; and what tells whether it says something new.

    The fingerprint is the same for the same policy and forecast, whenever it was sealed; it tells neither.
    """
    plain = _POLICY.dump_json(policy).decode()
    return _PLAIN_ADDRESS.sub(partial(_sealed, sealing), plain), sealing.fingerprint(plain)


def _sealed(sealing: Sealing, found: re.Match[str]) -> str:
    return f'"{found[1]}":{{"sealed":"{sealing.sealed(found[2])}"}}'


def policy_of(document: Any, sealing: Sealing) -> EscalationPolicy:
    """A policy from its JSON, as text or read; an address that no key opens stays sealed."""
    return _policy_of_text(document, sealing) if isinstance(document, str) else _policy_of(document, sealing)


@lru_cache(maxsize=1024)
def _policy_of_text(text: str, sealing: Sealing) -> EscalationPolicy:
    return _policy_of(from_json(text), sealing)


def _policy_of(stored: Any, sealing: Sealing) -> EscalationPolicy:
    document = _with_addresses(stored, partial(_open, sealing))
    levels = [
        level | {"targets": [*map(_resolved_target, level["targets"])]} if "targets" in level else level
        for level in document["levels"]
    ]
    return _POLICY.validate_python(document | {"levels": levels})


def _with_addresses(document: Any, changed: Callable[[Any], Any]) -> Any:
    """``document`` with each address in it ``changed``, however deep it stands."""
    if isinstance(document, dict):
        return {
            key: changed(value) if key in _ADDRESSES and isinstance(value, dict) else _with_addresses(value, changed)
            for key, value in document.items()
        }
    return [_with_addresses(part, changed) for part in document] if isinstance(document, list) else document


def _open(sealing: Sealing, address: Any) -> Any:
    """What was stored before addresses were sealed is plain."""
    opened = sealing.opened(address["sealed"]) if "sealed" in address else None
    return address if opened is None else {"value": opened}


def _resolved_target(target: dict[str, Any]) -> dict[str, Any]:
    if "high_urgency_rule" in target:
        return target
    return {"target_id": target["target_id"], "high_urgency_rule": {"steps": [{"target": target}]}}
