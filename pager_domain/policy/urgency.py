"""How a person is paged: the rules as said, with the addresses that have been verified."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from pager_domain.policy.people import ContactMethod, ContactMethodId, NotificationRule, PersonDefinition
from pager_domain.policy.resolved import ResolvedRule, ResolvedStep


@dataclass(frozen=True, slots=True)
class PersonalRules:
    """How one person is paged for alerts of high and of low urgency."""

    high: ResolvedRule
    low: ResolvedRule


def personal_rules(person: PersonDefinition) -> PersonalRules | None:
    """The rules of ``person``; None if no contact method was verified.

    Steps that name an unverified method are left out. A rule that has no other steps counts as unset, because a page
    too many is better than none.
    """
    verified = [method for method in person.contact_methods if method.verified_at is not None]
    if not verified:
        return None
    by_id = {method.contact_method_id: method for method in verified}
    every = ResolvedRule(tuple(_at_once(method) for method in verified))
    first = ResolvedRule((_at_once(verified[0]),))
    return PersonalRules(
        high=_resolved(person.high_urgency_rule, by_id) or every, low=_resolved(person.low_urgency_rule, by_id) or first
    )


def _resolved(rule: NotificationRule | None, verified: Mapping[ContactMethodId, ContactMethod]) -> ResolvedRule | None:
    if rule is None:
        return None
    usable = [step for step in rule.steps if step.contact_method_id in verified]
    steps = tuple(
        ResolvedStep(step.delay, verified[step.contact_method_id].address, step.contact_method_id) for step in usable
    )
    return ResolvedRule(steps, rule.repeat_interval) if steps else None


def _at_once(method: ContactMethod) -> ResolvedStep:
    return ResolvedStep(timedelta(0), method.address, method.contact_method_id)
