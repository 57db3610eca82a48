"""Configurations between protobuf and values. Pure."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pager_domain.policy.applying import Applied
from pager_domain.policy.configuration import Action, Configuration, DutyChange, Step
from pager_domain.policy.model import POLICIES
from pager_domain.policy.people import PEOPLE
from pager_domain.policy.schedules import SCHEDULES
from pager_grpc.gen.policy.v1 import configuration_service_pb2 as pb
from pager_grpc.policy import people_wire, schedule_wire, wire
from pager_grpc.policy.wire_values import duration_to

M = TypeVar("M")
D = TypeVar("D")

_KINDS = {
    PEOPLE.name: pb.ConfigurationChange.KIND_PERSON,
    SCHEDULES.name: pb.ConfigurationChange.KIND_SCHEDULE,
    POLICIES.name: pb.ConfigurationChange.KIND_ESCALATION_POLICY,
}
_ACTIONS = {
    Action.CREATED: pb.ConfigurationChange.ACTION_CREATED,
    Action.UPDATED: pb.ConfigurationChange.ACTION_UPDATED,
    Action.DELETED: pb.ConfigurationChange.ACTION_DELETED,
}


def configuration_from(request: pb.ApplyConfigurationRequest) -> Configuration:
    """What shall be."""
    return Configuration(
        people=_each("people", request.people, people_wire.definition_from),
        schedules=_each("schedules", request.schedules, schedule_wire.definition_from),
        policies=_each("escalation_policies", request.escalation_policies, wire.definition_from),
        pruned=request.pruned,
    )


def applied_to(applied: Applied) -> pb.ApplyConfigurationResponse:
    """What was changed, or would be."""
    changes = applied.plan.changes
    return pb.ApplyConfigurationResponse(
        changes=map(_change_to, changes),
        unchanged_count=len(applied.plan.steps) - len(changes),
        duty_changes=map(_duty_to, applied.duty_changes),
        base_etag=applied.plan.base_etag,
    )


def _each(field: str, messages: Iterable[M], read: Callable[[M, str], D]) -> tuple[D, ...]:
    return tuple(read(message, f"{field}[{index}]") for index, message in enumerate(messages))


def _change_to(step: Step[Any, Any]) -> pb.ConfigurationChange:
    action = _ACTIONS[step.action] if step.action is not None else pb.ConfigurationChange.ACTION_UNSPECIFIED
    return pb.ConfigurationChange(
        kind=_KINDS[step.kind.name], object_id=step.entry_id, action=action, fields=step.fields
    )


def _duty_to(duty: DutyChange) -> pb.DutyChange:
    return pb.DutyChange(
        person_id=duty.person_id, current_duty=duration_to(duty.current), planned_duty=duration_to(duty.planned)
    )
