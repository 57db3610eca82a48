"""Between the schedules of ``policy.v1.ScheduleService`` and the policy room's, both ways."""

import re
from datetime import datetime, time
from typing import Final

from pager_domain.errors import InvalidField
from pager_domain.kernel import checked_id
from pager_domain.policy.people import PersonId
from pager_domain.policy.schedules import (
    Add,
    Layer,
    LayerId,
    Override,
    OverrideId,
    Remove,
    Replace,
    Restriction,
    Rotation,
    Schedule,
    ScheduleDefinition,
    ScheduleId,
    ShiftSwap,
    ShiftSwapId,
    SwapState,
    Unit,
    Weekday,
)
from pager_grpc.gen.policy.v1 import schedule_service_pb2 as pb
from pager_grpc.policy.wire_values import moment_in, timestamp_to, under

_UNITS: Final = {
    Unit.HOUR: pb.Rotation.UNIT_HOUR,
    Unit.DAY: pb.Rotation.UNIT_DAY,
    Unit.WEEK: pb.Rotation.UNIT_WEEK,
}
_STATES: Final = {
    SwapState.REQUESTED: pb.ShiftSwap.STATE_REQUESTED,
    SwapState.ACCEPTED: pb.ShiftSwap.STATE_ACCEPTED,
    SwapState.DECLINED: pb.ShiftSwap.STATE_DECLINED,
    SwapState.WITHDRAWN: pb.ShiftSwap.STATE_WITHDRAWN,
}
_ANSWERS: Final = {value: state for state, value in _STATES.items() if state is not SwapState.REQUESTED}
_WALL_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?", re.ASCII)
_CLOCK = re.compile(r"\d\d:\d\d(?::\d\d)?", re.ASCII)


def schedule_id_from(schedule_id: str) -> ScheduleId:
    """The schedule that a request names."""
    return ScheduleId(checked_id("schedule_id", schedule_id))


def override_id_from(override_id: str) -> OverrideId:
    """The override that a request names."""
    return OverrideId(checked_id("override_id", override_id))


def shift_swap_id_from(shift_swap_id: str) -> ShiftSwapId:
    """The shift swap that a request names."""
    return ShiftSwapId(checked_id("shift_swap_id", shift_swap_id))


def answer_from(answer: int) -> SwapState:
    """What is said to a shift swap."""
    for value, state in _ANSWERS.items():
        if value == answer:
            return state
    raise InvalidField("answer", "must be STATE_ACCEPTED, STATE_DECLINED or STATE_WITHDRAWN")


def definition_from(schedule: pb.Schedule, path: str = "schedule") -> ScheduleDefinition:
    """What the caller says of a schedule; what only the server says is left aside."""
    with under(path):
        return ScheduleDefinition(
            schedule_id=schedule_id_from(schedule.schedule_id),
            time_zone=schedule.time_zone,
            layers=tuple(_layer_from(index, layer) for index, layer in enumerate(schedule.layers)),
            display_name=schedule.display_name,
        )


def override_from(override: pb.Override) -> Override:
    """A change for a time."""
    with under("override"):
        start, end = _span_in(override)
        change = _change_from(override)
        return Override(OverrideId(override.override_id), start, end, change, override.reason)


def shift_swap_from(swap: pb.ShiftSwap) -> ShiftSwap:
    """A request of one person to another."""
    with under("shift_swap"):
        people = PersonId(swap.from_person_id), PersonId(swap.to_person_id)
        return ShiftSwap(ShiftSwapId(swap.shift_swap_id), *people, *_span_in(swap), swap.reason)


def schedule_to(schedule: Schedule) -> pb.Schedule:
    """A schedule as stored."""
    definition = schedule.definition
    return pb.Schedule(
        schedule_id=definition.schedule_id,
        display_name=definition.display_name,
        time_zone=definition.time_zone,
        layers=[_layer_to(layer) for layer in definition.layers],
        overrides=[_override_to(override) for override in definition.overrides],
        shift_swaps=[shift_swap_to(swap) for swap in definition.shift_swaps],
        revision=schedule.revision,
        etag=schedule.etag,
        create_time=timestamp_to(schedule.create_time),
        update_time=timestamp_to(schedule.update_time),
    )


def shift_swap_to(swap: ShiftSwap) -> pb.ShiftSwap:
    """A shift swap as stored."""
    return pb.ShiftSwap(
        shift_swap_id=swap.shift_swap_id,
        from_person_id=swap.from_person,
        to_person_id=swap.to_person,
        start_time=timestamp_to(swap.starts_at),
        end_time=timestamp_to(swap.ends_at),
        reason=swap.reason,
        state=_STATES[swap.state],
    )


def _layer_from(index: int, layer: pb.Layer) -> Layer:
    with under(f"layers[{index}]"):
        with under("rotation"):
            rotation = _rotation_from(layer.rotation)
        return Layer(
            layer_id=LayerId(layer.layer_id),
            rotation=rotation,
            restrictions=tuple(_restriction_from(at, each) for at, each in enumerate(layer.restrictions)),
            starts_at=moment_in(layer, "start_time"),
            ends_at=moment_in(layer, "end_time"),
            covering=layer.covering,
        )


def _rotation_from(rotation: pb.Rotation) -> Rotation:
    unit = next((unit for unit, value in _UNITS.items() if value == rotation.unit), None)
    if unit is None:
        raise InvalidField("unit", "must be UNIT_HOUR, UNIT_DAY or UNIT_WEEK")
    people = tuple(PersonId(person) for person in rotation.person_ids)
    return Rotation(people, unit, _wall_time_from(rotation.start_local_time), rotation.length or 1)


def _wall_time_from(text: str) -> datetime:
    try:
        if _WALL_TIME.fullmatch(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass  # the shape of a local time, but no such day or hour
    raise InvalidField("start_local_time", "must be a local time like 2026-11-02T09:00")


def _restriction_from(index: int, restriction: pb.Restriction) -> Restriction:
    with under(f"restrictions[{index}]"):
        days = frozenset(_weekday_from(at, day) for at, day in enumerate(restriction.days))
        start = _clock_from("start_local_time", restriction.start_local_time)
        return Restriction(days, start, _clock_from("end_local_time", restriction.end_local_time))


def _weekday_from(index: int, day: int) -> Weekday:
    try:
        return Weekday(day)
    except ValueError:
        raise InvalidField(f"days[{index}]", "must be DAY_MONDAY to DAY_SUNDAY") from None


def _clock_from(field: str, text: str) -> time:
    if not text:
        return time(0)
    try:
        if _CLOCK.fullmatch(text):
            return time.fromisoformat(text)
    except ValueError:
        pass  # the shape of a local time, but no such hour
    raise InvalidField(field, "must be a local time like 09:00")


def _span_in(message: pb.Override | pb.ShiftSwap) -> tuple[datetime, datetime]:
    start, end = moment_in(message, "start_time"), moment_in(message, "end_time")
    for field, moment in (("start_time", start), ("end_time", end)):
        if moment is None:
            raise InvalidField(field, "is required")
    return start, end  # type: ignore[return-value]  # neither is None


def _change_from(override: pb.Override) -> Add | Remove | Replace:
    kind = override.WhichOneof("change")
    if kind is None:
        raise InvalidField("change", "must be an add, a remove or a replace")
    with under(kind):
        match kind:
            case "add":
                return Add(PersonId(override.add.person_id))
            case "remove":
                return Remove(PersonId(override.remove.person_id))
            case "replace":
                replaced = override.replace.replaced_person_id
                return Replace(PersonId(override.replace.person_id), PersonId(replaced) if replaced else None)


def _layer_to(layer: Layer) -> pb.Layer:
    rotation = pb.Rotation(
        person_ids=layer.rotation.people,
        unit=_UNITS[layer.rotation.unit],
        length=layer.rotation.length,
        start_local_time=_written(layer.rotation.starts_at),
    )
    return pb.Layer(
        layer_id=layer.layer_id,
        rotation=rotation,
        restrictions=[_restriction_to(restriction) for restriction in layer.restrictions],
        start_time=timestamp_to(layer.starts_at) if layer.starts_at is not None else None,
        end_time=timestamp_to(layer.ends_at) if layer.ends_at is not None else None,
        covering=layer.covering,
    )


def _restriction_to(restriction: Restriction) -> pb.Restriction:
    return pb.Restriction(
        days=[pb.Restriction.Day.ValueType(day) for day in sorted(restriction.days)],
        start_local_time=_written(restriction.start),
        end_local_time=_written(restriction.end),
    )


def _override_to(override: Override) -> pb.Override:
    written = pb.Override(
        override_id=override.override_id,
        start_time=timestamp_to(override.starts_at),
        end_time=timestamp_to(override.ends_at),
        reason=override.reason,
    )
    match override.change:
        case Add(person):
            written.add.person_id = person
        case Remove(person):
            written.remove.person_id = person
        case Replace(person, replaced):
            written.replace.person_id = person
            written.replace.replaced_person_id = replaced or ""
    return written


def _written(local: datetime | time) -> str:
    timespec = "seconds" if local.second else "minutes"
    return local.isoformat(timespec=timespec)
