"""The authorization table of a room: for each method who may call it and which objects are the caller's own. Data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pager_domain.access.principal import Principal, Role, Verb
from pager_domain.access.rules import Rule, acting_person, first_foreign, owns_person, require_granted
from pager_domain.errors import DomainError, NotAllowed


@dataclass(frozen=True, slots=True)
class Row:
    """One method. The fields are paths in its request, like ``person.person_id``; empty: it has none.

    ``services`` names monitored services: one outside of the caller's scope is ``unknown`` to it, or, where a service
    need not exist, the call is not allowed. ``person`` names whose data it is; a foreign one is ``unknown``, too.
    ``by`` names who does it: whoever is a person is filled in.
    """

    rule: Rule
    services: str = ""
    person: str = ""
    by: str = ""
    unknown: Callable[[str], DomainError] | None = None

    def admit(self, principal: Principal, request: Any) -> None:
        """Lets the call pass.

        Raises:
            NotAllowed: the caller may not call the method, or not about that service, or not in that name.
            DomainError: what ``unknown`` makes, as if what is asked for were not there.
        """
        require_granted(principal, self.rule)
        if self.services and principal.monitored_services is not None:
            foreign = first_foreign(principal, _texts_at(request, self.services))
            if foreign is not None:
                raise self._refusal(foreign, NotAllowed(principal.name, f"{self.rule.verb} for {foreign!r}"))
        if self.person:
            [person_id] = _texts_at(request, self.person)
            if not owns_person(principal, person_id):
                raise self._refusal(person_id, NotAllowed(principal.name, f"{self.rule.verb} for {person_id!r}"))
        if self.by and principal.person_id:
            message, field = _place_of(request, self.by)
            setattr(message, field, acting_person(principal, getattr(message, field)))

    def _refusal(self, foreign: str, otherwise: DomainError) -> DomainError:
        return self.unknown(foreign) if self.unknown is not None else otherwise


AccessTable = Mapping[str, Row]
"""Rows by the full name of their method, like ``/pager.v1.PagerService/RaiseAlert``."""

ACCESS_SERVICE = "access.v1.AccessService"
_ADMINISTER = Row(Rule(Verb.ADMINISTER, frozenset({Role.ADMIN})))


def rows_of(service: str, rows: Mapping[str, Row]) -> dict[str, Row]:
    """The rows of one service by the full names of its methods."""
    return {f"/{service}/{method}": row for method, row in rows.items()}


ACCESS_ROWS: AccessTable = {
    **rows_of(ACCESS_SERVICE, {"CreateApiKey": _ADMINISTER, "ListApiKeys": _ADMINISTER, "RevokeApiKey": _ADMINISTER}),
    **rows_of("status.v1.StatusService", {"GetStatus": Row(Rule(Verb.READ, frozenset({Role.RESPONDER, Role.ADMIN})))}),
    **rows_of("changes.v1.ChangeLogService", {"ListChangeRecords": Row(Rule(Verb.READ, frozenset({Role.ADMIN})))}),
}
"""What every room serves beside its own services."""


def _texts_at(request: Any, path: str) -> list[str]:
    message, field = _place_of(request, path)
    found = getattr(message, field)
    return [found] if isinstance(found, str) else list(found)


def _place_of(request: Any, path: str) -> tuple[Any, str]:
    *parents, field = path.split(".")
    for parent in parents:
        request = getattr(request, parent)
    return request, field
