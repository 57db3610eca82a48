"""Schedules in the configuration file: YAML to protobuf and back."""

import re
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from pager_cli.fields import Faults, Fields, checked_text, refuse_repeats
from pager_grpc.gen.policy.v1 import schedule_service_pb2 as pb

MAX_LAYERS = 20
MAX_PEOPLE = 100
MAX_RESTRICTIONS = 50
MAX_LENGTH = 1000

_SCHEDULE = ("id", "name", "zone", "layers")
_LAYER = ("id", "people", "every", "starts", "only", "from", "until", "covering")
_RESTRICTION = ("days", "from", "to")
_EVERY = re.compile(r"(?:(\d{1,4}) +)?(hour|day|week)s?")
_UNITS = {"hour": pb.Rotation.UNIT_HOUR, "day": pb.Rotation.UNIT_DAY, "week": pb.Rotation.UNIT_WEEK}
_DAYS = {
    "mon": pb.Restriction.DAY_MONDAY,
    "tue": pb.Restriction.DAY_TUESDAY,
    "wed": pb.Restriction.DAY_WEDNESDAY,
    "thu": pb.Restriction.DAY_THURSDAY,
    "fri": pb.Restriction.DAY_FRIDAY,
    "sat": pb.Restriction.DAY_SATURDAY,
    "sun": pb.Restriction.DAY_SUNDAY,
}
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?")
_WALL = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?")


def schedule_in(value: object, path: str, faults: Faults) -> pb.Schedule:
    """The schedule that ``value`` describes; its faults are noted."""
    fields = Fields.read(value, path, faults, _SCHEDULE)
    schedule = pb.Schedule(
        schedule_id=fields.text("id", required=True),
        display_name=fields.name("name"),
        time_zone=fields.text("zone", required=True),
        layers=[_layer(layer, at, faults) for layer, at in fields.each("layers", least=1, most=MAX_LAYERS)],
    )
    layers = [(layer.layer_id, f"{path}.layers[{n}].id") for n, layer in enumerate(schedule.layers)]
    refuse_repeats(layers, faults, lambda value, earlier: f"{value!r} is the id at {earlier} already")
    return schedule


def _layer(value: object, path: str, faults: Faults) -> pb.Layer:
    fields = Fields.read(value, path, faults, _LAYER)
    layer = pb.Layer(
        layer_id=fields.text("id", required=True),
        rotation=_rotation(fields),
        restrictions=[
            _restriction(at, where, faults) for at, where in fields.each("only", least=0, most=MAX_RESTRICTIONS)
        ],
        covering=fields.truth("covering"),
    )
    for key, moment in (("from", layer.start_time), ("until", layer.end_time)):
        if (found := _moment(fields, key)) is not None:
            moment.FromDatetime(found)
    return layer


def _rotation(fields: Fields) -> pb.Rotation:
    people = fields.each("people", least=1, most=MAX_PEOPLE)
    rotation = pb.Rotation(person_ids=[checked_text(name, at, fields.faults, required=True) for name, at in people])
    every = fields.text("every", required=True)
    match = _EVERY.fullmatch(every)
    if match is not None and 1 <= int(match[1] or 1) <= MAX_LENGTH:
        rotation.length, rotation.unit = int(match[1] or 1), _UNITS[match[2]]
    elif every:
        fields.fault("every", f"must be like 1 week, 2 days or 12 hours, at most {MAX_LENGTH}")
    rotation.start_local_time = _wall_time(fields)
    return rotation


def _wall_time(fields: Fields) -> str:
    """YAML makes a moment of what has seconds, and text of what has none."""
    value = fields.values.get("starts")
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.isoformat(timespec="seconds" if value.second else "minutes")
    text = fields.text("starts", required=True)
    if text and not _WALL.fullmatch(text):
        fields.fault("starts", "must be a time of the schedule's zone like 2026-11-02T09:00")
    return text


def _restriction(value: object, path: str, faults: Faults) -> pb.Restriction:
    fields = Fields.read(value, path, faults, _RESTRICTION)
    restriction = pb.Restriction(start_local_time=_clock(fields, "from"), end_local_time=_clock(fields, "to"))
    for day, at in fields.each("days", least=0, most=len(_DAYS)):
        if isinstance(day, str) and day in _DAYS:
            restriction.days.append(_DAYS[day])
        else:
            faults.add(at, f"must be one of {', '.join(_DAYS)}")
    return restriction


def _clock(fields: Fields, key: str) -> str:
    text = fields.text(key)
    if text and not _CLOCK.fullmatch(text):
        fields.fault(key, 'must be a time of day in quotes, like "09:00"')
    return text


def _moment(fields: Fields, key: str) -> datetime | None:
    value = fields.values.get(key)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
            value.astimezone(UTC)  # its offset may lead out of the calendar
        except (ValueError, OverflowError):
            value = ""
    if value is None or (isinstance(value, datetime) and value.tzinfo is not None):
        return value
    fields.fault(key, "must be a moment with its offset, like 2026-12-24T18:00:00+01:00")
    return None


def schedule_document(schedule: pb.Schedule) -> dict[str, object]:
    """``schedule`` as the file has it; its overrides and swaps are not part of it."""
    document: dict[str, object] = {"id": schedule.schedule_id}
    if schedule.display_name:
        document["name"] = schedule.display_name
    document["zone"] = schedule.time_zone
    document["layers"] = [_layer_document(layer) for layer in schedule.layers]
    return document


def _layer_document(layer: pb.Layer) -> dict[str, object]:
    rotation = layer.rotation
    length, unit = rotation.length or 1, next(name for name, value in _UNITS.items() if value == rotation.unit)
    document: dict[str, object] = {
        "id": layer.layer_id,
        "people": list(rotation.person_ids),
        "every": f"{length} {unit}{'s' * (length > 1)}",
        "starts": rotation.start_local_time,
    }
    if layer.restrictions:
        document["only"] = [_restriction_document(restriction) for restriction in layer.restrictions]
    if layer.HasField("start_time"):
        document["from"] = _written(layer.start_time)
    if layer.HasField("end_time"):
        document["until"] = _written(layer.end_time)
    if layer.covering:
        document["covering"] = True
    return document


def _restriction_document(restriction: pb.Restriction) -> dict[str, object]:
    document: dict[str, object] = {}
    if restriction.days:
        document["days"] = [name for name, day in _DAYS.items() if day in restriction.days]
    if restriction.start_local_time:
        document["from"] = restriction.start_local_time
    if restriction.end_local_time:
        document["to"] = restriction.end_local_time
    return document


def _written(moment: Timestamp) -> str:
    return moment.ToDatetime(tzinfo=UTC).isoformat()
