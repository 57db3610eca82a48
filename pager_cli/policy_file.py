"""The policies of a configuration file: YAML to protobuf and back."""

import re
from collections.abc import Callable
from datetime import timedelta

from pager_cli.durations import written_duration
from pager_cli.fields import Faults, Fields, checked_text, refuse_repeats
from pager_cli.yaml_reading import write_yaml
from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb

MAX_POLICIES = 10_000
MAX_SERVICES = 10_000
MAX_LEVELS = 20
MAX_TARGETS = 50
MAX_REPEAT = 100
DEFAULT_TIMEOUT = timedelta(minutes=15)
LEAST_TIMEOUT, MOST_TIMEOUT = timedelta(seconds=1), timedelta(hours=24)
LEAST_EXPIRY, MOST_EXPIRY = timedelta(minutes=1), timedelta(days=7)
LEAST_WINDOW, MOST_WINDOW = timedelta(seconds=1), timedelta(hours=24)
# Enough to catch a slip of the hand; the policy service decides.
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")

_POLICY = ("id", "name", "services", "default", "repeat", "ack_expires", "reopen_window", "levels")
_LEVEL = ("ack_timeout", "select", "targets")
_WAYS = ("email", "sms", "person", "schedule")
_TARGET = ("id", *_WAYS)
_SELECTIONS: dict[str, "pb.EscalationLevel.Selection.ValueType"] = {
    "all": pb.EscalationLevel.SELECTION_UNSPECIFIED,
    "round_robin": pb.EscalationLevel.SELECTION_ROUND_ROBIN,
}


class PolicyFileFaults(Exception):
    """The file cannot be applied. ``sentences`` begin with the path of what is wrong."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("; ".join(sentences))
        self.sentences = sentences


def policies_in(top: Fields, faults: Faults) -> list[pb.EscalationPolicy]:
    """The policies of a document; what contradicts itself among them is noted too."""
    found = [(_policy(value, path, faults), path) for value, path in top.each("policies", least=0, most=MAX_POLICIES)]
    refuse_repeats(
        [(policy.policy_id, f"{path}.id") for policy, path in found],
        faults,
        lambda value, earlier: f"{value!r} is the id at {earlier} already",
    )
    refuse_repeats(
        [("default", f"{path}.default") for policy, path in found if policy.default_policy],
        faults,
        lambda _, earlier: f"only one policy can be the default; {earlier} is one already",
    )
    covered = [
        (service, f"{path}.services[{index}]")
        for policy, path in found
        for index, service in enumerate(policy.monitored_service_ids)
    ]
    refuse_repeats(covered, faults, lambda value, earlier: f"{value!r} is covered at {earlier} already")
    return [policy for policy, _ in found]


def _policy(value: object, path: str, faults: Faults) -> pb.EscalationPolicy:
    fields = Fields.read(value, path, faults, _POLICY)
    services = fields.each("services", least=0, most=MAX_SERVICES)
    policy = pb.EscalationPolicy(
        policy_id=fields.text("id", required=True),
        display_name=fields.name("name"),
        repeat_count=fields.count("repeat", MAX_REPEAT),
        default_policy=fields.truth("default"),
        monitored_service_ids=[checked_text(name, at, faults, required=True) for name, at in services],
        levels=[_level(level, at, faults) for level, at in fields.each("levels", least=1, most=MAX_LEVELS)],
    )
    if fields.values.get("ack_expires") is not None:
        expiry = fields.duration("ack_expires", LEAST_EXPIRY, LEAST_EXPIRY, MOST_EXPIRY)
        policy.acknowledgement_expiry.FromTimedelta(expiry)
    if fields.values.get("reopen_window") is not None:
        policy.reopen_window.FromTimedelta(fields.duration("reopen_window", LEAST_WINDOW, LEAST_WINDOW, MOST_WINDOW))
    return policy


def _level(value: object, path: str, faults: Faults) -> pb.EscalationLevel:
    fields = Fields.read(value, path, faults, _LEVEL)
    found = [(_target(target, at, faults), at) for target, at in fields.each("targets", least=1, most=MAX_TARGETS)]
    refuse_repeats([(target.target_id, f"{at}.id") for target, at in found], faults, _twice_in_level)
    for way in (_address, _person, _schedule):
        refuse_repeats([(way(target), at) for target, at in found], faults, _twice_in_level)
    level = pb.EscalationLevel(targets=[target for target, _ in found], selection=_selection(fields))
    timeout = fields.duration("ack_timeout", DEFAULT_TIMEOUT, LEAST_TIMEOUT, MOST_TIMEOUT)
    level.acknowledgement_timeout.FromTimedelta(timeout)
    return level


def _selection(fields: Fields) -> "pb.EscalationLevel.Selection.ValueType":
    written = fields.values.get("select")
    if written is not None and str(written) not in _SELECTIONS:
        fields.fault("select", f"must be {' or '.join(_SELECTIONS)}")
    return _SELECTIONS.get(str(written), pb.EscalationLevel.SELECTION_UNSPECIFIED)


def _target(value: object, path: str, faults: Faults) -> pb.NotificationTarget:
    fields = Fields.read(value, path, faults, _TARGET)
    ways = [way for way in _WAYS if fields.values.get(way) is not None]
    # Whoever has an id already is called by it unless said.
    target = pb.NotificationTarget(target_id=fields.text("id", required=not {"person", "schedule"} & set(ways)))
    if len(ways) != 1 and fields.values:
        faults.add(path, "must have one of email, sms, person and schedule")
    for way in ways:
        _read_way(fields, way, target)
    return target


def _read_way(fields: Fields, way: str, target: pb.NotificationTarget) -> None:
    named = fields.text(way, required=way in ("person", "schedule"))
    if way == "email":
        _check(fields, way, named, _EMAIL.fullmatch, "must be an e-mail address like ana@example.com")
        target.email.email_address = named
    elif way == "sms":
        _check(fields, way, named, _E164.fullmatch, 'must be an E.164 number in quotes, like "+4915112345678"')
        target.sms.phone_number = named
    elif way == "person":
        target.person.person_id = named
    else:
        target.schedule.schedule_id = named
    target.target_id = target.target_id or target.person.person_id or target.schedule.schedule_id


def _check(fields: Fields, key: str, value: str, fits: Callable[[str], object], sentence: str) -> None:
    if value and not fits(value):
        fields.fault(key, sentence)


def _address(target: pb.NotificationTarget) -> str:
    return target.email.email_address.lower() or target.sms.phone_number


def _person(target: pb.NotificationTarget) -> str:
    return target.person.person_id


def _schedule(target: pb.NotificationTarget) -> str:
    return target.schedule.schedule_id


def _twice_in_level(value: str, earlier: str) -> str:
    return f"{value!r} stands at {earlier} already"


def written_policies(policies: list[pb.EscalationPolicy]) -> str:
    """``policies`` as a configuration file."""
    return write_yaml({"policies": [policy_document(policy) for policy in policies]})


def policy_document(policy: pb.EscalationPolicy) -> dict[str, object]:
    """``policy`` as the file has it."""
    document: dict[str, object] = {"id": policy.policy_id}
    if policy.display_name:
        document["name"] = policy.display_name
    if policy.monitored_service_ids:
        document["services"] = list(policy.monitored_service_ids)
    if policy.default_policy:
        document["default"] = True
    if policy.repeat_count:
        document["repeat"] = policy.repeat_count
    if policy.HasField("acknowledgement_expiry"):
        document["ack_expires"] = written_duration(policy.acknowledgement_expiry.ToTimedelta())
    if policy.HasField("reopen_window"):
        document["reopen_window"] = written_duration(policy.reopen_window.ToTimedelta())
    document["levels"] = [_level_document(level) for level in policy.levels]
    return document


def _level_document(level: pb.EscalationLevel) -> dict[str, object]:
    said = level.HasField("acknowledgement_timeout")
    timeout = level.acknowledgement_timeout.ToTimedelta() if said else DEFAULT_TIMEOUT
    document: dict[str, object] = {"ack_timeout": written_duration(timeout)}
    if level.selection == pb.EscalationLevel.SELECTION_ROUND_ROBIN:
        document["select"] = "round_robin"
    return document | {"targets": [_target_document(target) for target in level.targets]}


def _target_document(target: pb.NotificationTarget) -> dict[str, object]:
    way = target.WhichOneof("address") or "email"
    named = {
        "email": target.email.email_address,
        "sms": target.sms.phone_number,
        "person": target.person.person_id,
        "schedule": target.schedule.schedule_id,
    }[way]
    called = {} if way in ("person", "schedule") and target.target_id == named else {"id": target.target_id}
    return {**called, way: named}
