"""The policy file: YAML to protobuf and back, validated whole before anything is sent."""

import re
from collections.abc import Callable
from datetime import timedelta

from pager_cli.durations import written_duration
from pager_cli.fields import Faults, Fields, checked_text, refuse_repeats
from pager_cli.yaml_reading import UnreadableYaml, read_yaml, write_yaml
from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb

MAX_POLICIES = 10_000
MAX_SERVICES = 10_000
MAX_LEVELS = 20
MAX_TARGETS = 50
MAX_REPEAT = 100
DEFAULT_TIMEOUT = timedelta(minutes=15)
LEAST_TIMEOUT, MOST_TIMEOUT = timedelta(seconds=1), timedelta(hours=24)
# Enough to catch a slip of the hand; the policy service decides.
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")

_POLICY = ("id", "name", "services", "default", "repeat", "levels")
_LEVEL = ("ack_timeout", "targets")
_TARGET = ("id", "email", "sms")


class PolicyFileFaults(Exception):
    """The file cannot be applied. ``sentences`` begin with the path of what is wrong."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__("; ".join(sentences))
        self.sentences = sentences


def read_policies(text: str) -> list[pb.EscalationPolicy]:
    """The policies of a file, in its order.

    Raises:
        PolicyFileFaults: with every fault of the file.
    """
    try:
        document = read_yaml(text)
    except UnreadableYaml as error:
        raise PolicyFileFaults([str(error)]) from error
    faults = Faults()
    policies = policies_in(Fields.read(document, "", faults, ("policies",)), faults, least=1)
    if faults.sentences:
        raise PolicyFileFaults(faults.sentences)
    return policies


def policies_in(top: Fields, faults: Faults, *, least: int) -> list[pb.EscalationPolicy]:
    """The policies of a document; what contradicts itself among them is noted too."""
    found = [
        (_policy(value, path, faults), path) for value, path in top.each("policies", least=least, most=MAX_POLICIES)
    ]
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
    return pb.EscalationPolicy(
        policy_id=fields.text("id", required=True),
        display_name=fields.text("name"),
        repeat_count=fields.count("repeat", MAX_REPEAT),
        default_policy=fields.truth("default"),
        monitored_service_ids=[checked_text(name, at, faults, required=True) for name, at in services],
        levels=[_level(level, at, faults) for level, at in fields.each("levels", least=1, most=MAX_LEVELS)],
    )


def _level(value: object, path: str, faults: Faults) -> pb.EscalationLevel:
    fields = Fields.read(value, path, faults, _LEVEL)
    found = [(_target(target, at, faults), at) for target, at in fields.each("targets", least=1, most=MAX_TARGETS)]
    refuse_repeats([(target.target_id, f"{at}.id") for target, at in found], faults, _twice_in_level)
    refuse_repeats([(_address(target), at) for target, at in found], faults, _twice_in_level)
    level = pb.EscalationLevel(targets=[target for target, _ in found])
    timeout = fields.duration("ack_timeout", DEFAULT_TIMEOUT, LEAST_TIMEOUT, MOST_TIMEOUT)
    level.acknowledgement_timeout.FromTimedelta(timeout)
    return level


def _target(value: object, path: str, faults: Faults) -> pb.NotificationTarget:
    fields = Fields.read(value, path, faults, _TARGET)
    target = pb.NotificationTarget(target_id=fields.text("id", required=True))
    ways = [way for way in ("email", "sms") if fields.values.get(way) is not None]
    if len(ways) != 1 and fields.values:
        faults.add(path, "must have either email or sms")
    for way in ways:
        address = fields.text(way)
        if way == "email":
            _check(fields, way, address, _EMAIL.fullmatch, "must be an e-mail address like ana@example.com")
            target.email.email_address = address
        else:
            _check(fields, way, address, _E164.fullmatch, 'must be an E.164 number in quotes, like "+4915112345678"')
            target.sms.phone_number = address
    return target


def _check(fields: Fields, key: str, value: str, fits: Callable[[str], object], sentence: str) -> None:
    if value and not fits(value):
        fields.fault(key, sentence)


def _address(target: pb.NotificationTarget) -> str:
    return target.email.email_address.lower() or target.sms.phone_number


def _twice_in_level(value: str, earlier: str) -> str:
    return f"{value!r} stands at {earlier} already"


def written_policies(policies: list[pb.EscalationPolicy]) -> str:
    """``policies`` as a file that :func:`read_policies` reads back."""
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
    document["levels"] = [_level_document(level) for level in policy.levels]
    return document


def _level_document(level: pb.EscalationLevel) -> dict[str, object]:
    said = level.HasField("acknowledgement_timeout")
    timeout = level.acknowledgement_timeout.ToTimedelta() if said else DEFAULT_TIMEOUT
    return {
        "ack_timeout": written_duration(timeout),
        "targets": [_target_document(target) for target in level.targets],
    }


def _target_document(target: pb.NotificationTarget) -> dict[str, object]:
    if target.WhichOneof("address") == "sms":
        return {"id": target.target_id, "sms": target.sms.phone_number}
    return {"id": target.target_id, "email": target.email.email_address}
