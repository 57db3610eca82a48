"""What a caller may do: pure decisions about one call. What is not granted is refused."""

from collections.abc import Iterable
from dataclasses import dataclass

from pager_domain.access.principal import Principal, Role, Verb
from pager_domain.errors import NotAllowed
from pager_domain.kernel import MonitoredServiceId


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may call a method: callers in one of ``roles``, and these ``rooms`` as themselves."""

    verb: Verb
    roles: frozenset[Role] = frozenset()
    rooms: frozenset[str] = frozenset()

    def grants(self, principal: Principal) -> bool:
        """Whether ``principal`` may call the method at all."""
        if principal.role is Role.SERVICE:
            return principal.service in self.rooms
        may = principal.verbs is None or self.verb in principal.verbs
        return may and principal.role in self.roles


def require_granted(principal: Principal, rule: Rule) -> None:
    """Lets a granted call pass.

    Raises:
        NotAllowed: the role, or the key, does not reach so far.
    """
    if not rule.grants(principal):
        raise NotAllowed(principal.name, f"{rule.verb} here")


def first_foreign(principal: Principal, services: Iterable[str]) -> str | None:
    """The first of ``services`` that is not one of the principal's own; None if all are."""
    if principal.monitored_services is None:
        return None
    return next((name for name in services if not principal.sees(MonitoredServiceId(name))), None)


def owns_person(principal: Principal, person_id: str) -> bool:
    """Whether it may see and change the data of that person: a responder only its own."""
    return principal.role is Role.ADMIN or (principal.person_id != "" and principal.person_id == person_id)


def acting_person(principal: Principal, named: str) -> str:
    """In whose name a change is made: a caller that is a person acts as that person, others as they say.

    Raises:
        NotAllowed: it is a person and names another one.
    """
    if not principal.person_id or named in {"", principal.person_id}:
        return named or principal.person_id
    raise NotAllowed(principal.name, f"act as {named!r}: it is {principal.person_id!r}")
