"""Escalation policies: what one is, how it changes, whom it answers for.

Every change makes a new revision and a revision never changes, so that a pinned :class:`PolicyRevision` means the
same levels for ever, also after its policy has ended.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pager_domain.errors import InvalidField
from pager_domain.kernel import (
    MonitoredServiceId,
    PolicyId,
    checked_id,
    checked_repeat_count,
    checked_text,
)
from pager_domain.policy.errors import (
    DefaultPolicyExists,
    PolicyExists,
    PolicyUnknown,
    ServiceAlreadyCovered,
    StaleEtag,
)
from pager_domain.policy.levels import (
    EmailTarget,
    EscalationLevel,
    PersonTarget,
    PolicyTarget,
    Selection,
    SmsTarget,
    checked_levels,
)
from pager_domain.policy.revisions import Kind, Record, Revisioned

MAX_DISPLAY_NAME_BYTES = 255
MAX_MONITORED_SERVICES = 10_000
MIN_ACKNOWLEDGEMENT_EXPIRY = timedelta(minutes=1)
MAX_ACKNOWLEDGEMENT_EXPIRY = timedelta(days=7)
MIN_REOPEN_WINDOW = timedelta(seconds=1)
MAX_REOPEN_WINDOW = timedelta(hours=24)
RESERVED_PREFIX = "person/"
"""How the policies begin that name one person and are stored nowhere."""


@dataclass(frozen=True, slots=True)
class PolicyDefinition:
    """What people say about a policy: everything but its revision and its times.

    ``monitored_service_ids`` may come in any order and are kept sorted. Without an ``acknowledgement_expiry`` an
    acknowledgement counts for ever; without a ``reopen_window`` every alert after the end opens another incident.
    """

    policy_id: PolicyId
    levels: tuple[EscalationLevel, ...]
    display_name: str = ""
    repeat_count: int = 0
    monitored_service_ids: tuple[MonitoredServiceId, ...] = ()
    default_policy: bool = False
    acknowledgement_expiry: timedelta | None = None
    reopen_window: timedelta | None = None

    def __post_init__(self) -> None:
        checked_id("policy_id", self.policy_id)
        checked_text("display_name", self.display_name, MAX_DISPLAY_NAME_BYTES)
        checked_levels(self.levels)
        checked_repeat_count(self.repeat_count)
        _check_span(
            "acknowledgement_expiry",
            self.acknowledgement_expiry,
            (MIN_ACKNOWLEDGEMENT_EXPIRY, MAX_ACKNOWLEDGEMENT_EXPIRY),
            "must be 1 minute to 7 days",
        )
        _check_span(
            "reopen_window", self.reopen_window, (MIN_REOPEN_WINDOW, MAX_REOPEN_WINDOW), "must be 1 second to 24 hours"
        )
        services = _checked_services(self.monitored_service_ids)
        object.__setattr__(self, "monitored_service_ids", services)  # the way to normalise a frozen value

    @property
    def entry_id(self) -> str:
        """The id, which never changes."""
        return self.policy_id


class EscalationPolicy(Revisioned[PolicyDefinition]):
    """One revision of a policy; the newest one, unless said."""

    __slots__ = ()

    @property
    def policy_id(self) -> PolicyId:
        """The id, which never changes."""
        return self.definition.policy_id

    def facts(self) -> list[object]:
        """Spelt out: policies had etags before anything else had."""
        return _facts(self.definition)


PolicyRecord = Record[PolicyDefinition, EscalationPolicy]
POLICIES = Kind("policy", EscalationPolicy, PolicyUnknown, PolicyExists, StaleEtag)


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which policies cover some services now, and which one is the default."""

    covered_by: Mapping[MonitoredServiceId, PolicyId]
    default_policy_id: PolicyId | None

    def admit(self, definition: PolicyDefinition) -> None:
        """Refuses a policy that wants what another one has.

        Raises:
            ServiceAlreadyCovered: names the first such service.
            DefaultPolicyExists: another policy is the default.
            InvalidField: its id is one of those that are stored nowhere.
        """
        if definition.policy_id.startswith(RESERVED_PREFIX):
            raise InvalidField("policy_id", f"must not begin with {RESERVED_PREFIX}")
        for service in definition.monitored_service_ids:
            other = self.covered_by.get(service, definition.policy_id)
            if other != definition.policy_id:
                raise ServiceAlreadyCovered(service, other)
        default = self.default_policy_id
        if definition.default_policy and default not in {None, definition.policy_id}:
            raise DefaultPolicyExists(str(default))


@dataclass(frozen=True, slots=True)
class PolicyRevision:
    """One state of one policy, counted from 1."""

    policy_id: PolicyId
    revision: int

    def __post_init__(self) -> None:
        checked_id("policy_id", self.policy_id)
        if self.revision < 1:
            raise InvalidField("revision", "must be at least 1")


def _checked_services(services: Sequence[MonitoredServiceId]) -> tuple[MonitoredServiceId, ...]:
    if len(services) > MAX_MONITORED_SERVICES:
        raise InvalidField("monitored_service_ids", f"must be at most {MAX_MONITORED_SERVICES}")
    seen: set[MonitoredServiceId] = set()
    for index, service in enumerate(services):
        field = f"monitored_service_ids[{index}]"
        checked_id(field, service)
        if service in seen:
            raise InvalidField(field, "must not name a service twice")
        seen.add(service)
    return tuple(sorted(seen))


def _check_span(field: str, span: timedelta | None, bounds: tuple[timedelta, timedelta], limit: str) -> None:
    least, most = bounds
    if span is not None and not least <= span <= most:
        raise InvalidField(field, limit)


def _facts(definition: PolicyDefinition) -> list[object]:
    # Spelt out, because two releases side by side must make the same etag of the same policy; what a policy does not
    # use is not among them, so that it keeps the etag it had before there was such a thing.
    levels = [_level_facts(level) for level in definition.levels]
    rest = [definition.repeat_count, definition.monitored_service_ids, definition.default_policy]
    spans = {"acknowledgement_expiry": definition.acknowledgement_expiry, "reopen_window": definition.reopen_window}
    used = [[name, _microseconds(span)] for name, span in spans.items() if span is not None]
    return [definition.policy_id, definition.display_name, levels, *rest, *used]


def _level_facts(level: EscalationLevel) -> list[object]:
    facts: list[object] = [_microseconds(level.acknowledgement_timeout), [_target_facts(t) for t in level.targets]]
    return facts if level.selection is Selection.ALL else [*facts, level.selection.value]


def _target_facts(target: PolicyTarget) -> list[str]:
    if isinstance(target, EmailTarget):
        return ["email", target.target_id, target.address.value]
    if isinstance(target, SmsTarget):
        return ["sms", target.target_id, target.number.value]
    if isinstance(target, PersonTarget):
        return ["person", target.target_id, target.person_id]
    return ["schedule", target.target_id, target.schedule_id]


def _microseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
