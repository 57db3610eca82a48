"""What the options of `pagerctl person set` change about a person."""

from dataclasses import dataclass

import typer

from pager_cli.durations import parse_duration
from pager_grpc.gen.policy.v1 import people_service_pb2 as pb

_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class PersonChanges:
    """What was given; None: it stays. A rule without steps means that there is none."""

    name: str | None
    zone: str | None
    methods: tuple[pb.ContactMethod, ...]
    removed: frozenset[str]
    high: tuple[pb.NotificationStep, ...] | None
    low: tuple[pb.NotificationStep, ...] | None

    @classmethod
    def read(
        cls,
        name: str | None,
        zone: str | None,
        emails: list[str],
        numbers: list[str],
        removed: list[str],
        high: str | None,
        low: str | None,
    ) -> "PersonChanges":
        """The options as they were typed.

        Raises:
            BadParameter: one of them means nothing.
        """
        by_mail = (pb.ContactMethod(contact_method_id=i, email_address=a) for i, a in _pairs("--email", emails))
        by_text = (pb.ContactMethod(contact_method_id=i, phone_number=a) for i, a in _pairs("--sms", numbers))
        rules = [_steps(option, written) for option, written in (("--high", high), ("--low", low))]
        return cls(name, zone, (*by_mail, *by_text), frozenset(removed), *rules)

    def applied_to(self, person: pb.Person) -> pb.Person:
        """``person`` with the changes."""
        changed = pb.Person()
        changed.CopyFrom(person)
        if self.name is not None:
            changed.display_name = self.name
        if self.zone is not None:
            changed.time_zone = self.zone
        self._change_methods(changed)
        _change_rule(changed, "high_urgency_rule", self.high)
        _change_rule(changed, "low_urgency_rule", self.low)
        return changed

    def not_there(self, person: pb.Person) -> list[str]:
        """Which of the contact methods to be removed ``person`` does not have."""
        return sorted(self.removed - {method.contact_method_id for method in person.contact_methods})

    def _change_methods(self, person: pb.Person) -> None:
        given = {method.contact_method_id: method for method in self.methods}
        kept = [m for m in person.contact_methods if m.contact_method_id not in self.removed]
        methods = [given.pop(m.contact_method_id, m) for m in kept] + list(given.values())
        del person.contact_methods[:]
        person.contact_methods.extend(methods)


def _change_rule(person: pb.Person, field: str, steps: tuple[pb.NotificationStep, ...] | None) -> None:
    if steps is None:
        return
    if not steps:
        person.ClearField(field)  # type: ignore[arg-type]  # one of the two rules
        return
    rule: pb.NotificationRule = getattr(person, field)
    del rule.steps[:]
    rule.steps.extend(steps)


def _pairs(option: str, written: list[str]) -> list[tuple[str, str]]:
    pairs = []
    for each in written:
        name, equals, address = each.partition("=")
        if not (name and equals and address):
            raise typer.BadParameter(f"{option} must be ID=ADDRESS, like mail=ana@example.com or phone=+4915112345678")
        pairs.append((name, address))
    return pairs


def _steps(option: str, written: str | None) -> tuple[pb.NotificationStep, ...] | None:
    if written is None:
        return None
    if written == _DEFAULT:
        return ()
    return tuple(_step(option, part.strip()) for part in written.split(","))


def _step(option: str, written: str) -> pb.NotificationStep:
    name, at, after = written.partition("@")
    if not name or (at and not after):
        raise typer.BadParameter(f"{option} must be contact methods, like mail,phone@3m, not {written!r}")
    step = pb.NotificationStep(contact_method_id=name)
    if at:
        try:
            step.delay.FromTimedelta(parse_duration(after))
        except ValueError as error:
            raise typer.BadParameter(f"{option}: {after!r} {error}") from error
    return step
