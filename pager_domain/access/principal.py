"""Who calls: a role, and how much of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pager_domain.errors import InvalidField
from pager_domain.kernel import MonitoredServiceId


class Role(StrEnum):
    """What kind of caller it is. ``ANONYMOUS`` has shown nothing; no key has that role."""

    INTEGRATION = "integration"
    RESPONDER = "responder"
    ADMIN = "admin"
    SERVICE = "service"
    ANONYMOUS = "anonymous"


class Verb(StrEnum):
    """What a call does, seen by whoever grants a key."""

    RAISE = "raise"
    RESOLVE = "resolve"
    RESPOND = "respond"
    READ = "read"
    MAINTAIN = "maintain"
    CONFIGURE = "configure"
    SEND = "send"
    ADMINISTER = "administer"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller that was recognised.

    ``name`` is for logs and the audit log: ``key:3f9a61``, ``jwt:ana``, ``service:pager``, ``certificate:admin`` or
    ``anonymous``. ``monitored_services`` are those it may touch and ``verbs`` what it may do of what its role may;
    None: all. ``person_id`` is the person it acts as, ``service`` the room that a service is; empty: none.
    ``key_id`` is empty unless it came with a key; after ``expires_at`` it counts no more.
    """

    name: str
    role: Role
    monitored_services: frozenset[MonitoredServiceId] | None = None
    verbs: frozenset[Verb] | None = None
    person_id: str = ""
    service: str = ""
    key_id: str = ""
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.monitored_services is not None and not self.monitored_services:
            raise InvalidField("monitored_services", "must name a service, or be left out for all of them")

    def sees(self, monitored_service_id: MonitoredServiceId) -> bool:
        """Whether the service is one of its own."""
        return self.monitored_services is None or monitored_service_id in self.monitored_services


ANONYMOUS = Principal("anonymous", Role.ANONYMOUS)
"""Everybody, while access is open."""
