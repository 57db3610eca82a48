"""The configuration file: people, schedules and policies in one YAML, validated whole before anything is sent."""

from collections.abc import Iterable, Sequence

from pager_cli.fields import Faults, Fields, refuse_repeats
from pager_cli.people_file import person_document, person_in
from pager_cli.policy_file import PolicyFileFaults, policies_in, policy_document
from pager_cli.schedule_file import schedule_document, schedule_in
from pager_cli.yaml_reading import UnreadableYaml, read_yaml, write_yaml
from pager_grpc.gen.policy.v1 import configuration_service_pb2 as pb

MAX_PEOPLE = MAX_SCHEDULES = 10_000
KEYS = ("people", "schedules", "policies")


def read_configuration(text: str) -> pb.ApplyConfigurationRequest:
    """What a file says, in its order.

    Raises:
        PolicyFileFaults: with every fault of the file.
    """
    try:
        document = read_yaml(text)
    except UnreadableYaml as error:
        raise PolicyFileFaults([str(error)]) from error
    faults = Faults()
    top = Fields.read(document, "", faults, KEYS)
    request = pb.ApplyConfigurationRequest(
        people=[person_in(value, at, faults) for value, at in top.each("people", least=0, most=MAX_PEOPLE)],
        schedules=[schedule_in(value, at, faults) for value, at in top.each("schedules", least=0, most=MAX_SCHEDULES)],
        escalation_policies=policies_in(top, faults),
    )
    _refuse_ids_twice("people", [person.person_id for person in request.people], faults)
    _refuse_ids_twice("schedules", [schedule.schedule_id for schedule in request.schedules], faults)
    if faults.sentences:
        raise PolicyFileFaults(faults.sentences)
    return request


def _refuse_ids_twice(key: str, ids: Sequence[str], faults: Faults) -> None:
    found = [(value, f"{key}[{index}].id") for index, value in enumerate(ids)]
    refuse_repeats(found, faults, lambda value, earlier: f"{value!r} is the id at {earlier} already")


def written_configuration(said: pb.ApplyConfigurationRequest) -> str:
    """``said`` as a file that :func:`read_configuration` reads back."""
    parts: dict[str, Iterable[dict[str, object]]] = {
        "people": [person_document(person) for person in said.people],
        "schedules": [schedule_document(schedule) for schedule in said.schedules],
        "policies": [policy_document(policy) for policy in said.escalation_policies],
    }
    return write_yaml({key: list(part) for key, part in parts.items() if part})
