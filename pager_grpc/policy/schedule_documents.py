"""What a revision of a schedule keeps as a JSON document, both ways.

``people`` holds everybody whom the schedule names, for whoever asks which schedules name a person.
"""

from datetime import datetime, time
from typing import Any

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
    ScheduleDefinition,
    ScheduleId,
    ShiftSwap,
    ShiftSwapId,
    SwapState,
    Unit,
    Weekday,
)

Document = dict[str, Any]


def schedule_document(schedule: ScheduleDefinition) -> Document:
    """Everything but the id."""
    return {
        "display_name": schedule.display_name,
        "time_zone": schedule.time_zone,
        "layers": [_layer_document(layer) for layer in schedule.layers],
        "overrides": [_override_document(override) for override in schedule.overrides],
        "shift_swaps": [_swap_document(swap) for swap in schedule.shift_swaps],
        "people": sorted(schedule.people),
    }


def schedule_in(schedule_id: str, document: Document) -> ScheduleDefinition:
    """The schedule that ``document`` keeps."""
    return ScheduleDefinition(
        schedule_id=ScheduleId(schedule_id),
        display_name=document["display_name"],
        time_zone=document["time_zone"],
        layers=tuple(_layer_in(layer) for layer in document["layers"]),
        overrides=tuple(_override_in(override) for override in document["overrides"]),
        shift_swaps=tuple(_swap_in(swap) for swap in document["shift_swaps"]),
    )


def _layer_document(layer: Layer) -> Document:
    rotation = layer.rotation
    return {
        "layer_id": layer.layer_id,
        "rotation": {
            "people": list(rotation.people),
            "unit": rotation.unit.value,
            "starts_at": rotation.starts_at.isoformat(),
            "length": rotation.length,
        },
        "restrictions": [_restriction_document(restriction) for restriction in layer.restrictions],
        "starts_at": _moment_text(layer.starts_at),
        "ends_at": _moment_text(layer.ends_at),
        "covering": layer.covering,
    }


def _layer_in(document: Document) -> Layer:
    rotation = document["rotation"]
    return Layer(
        LayerId(document["layer_id"]),
        Rotation(
            tuple(PersonId(person) for person in rotation["people"]),
            Unit(rotation["unit"]),
            datetime.fromisoformat(rotation["starts_at"]),
            rotation["length"],
        ),
        tuple(_restriction_in(restriction) for restriction in document["restrictions"]),
        _moment_in(document["starts_at"]),
        _moment_in(document["ends_at"]),
        document["covering"],
    )


def _restriction_document(restriction: Restriction) -> Document:
    return {
        "days": sorted(day.value for day in restriction.days),
        "start": restriction.start.isoformat(),
        "end": restriction.end.isoformat(),
    }


def _restriction_in(document: Document) -> Restriction:
    days = frozenset(Weekday(day) for day in document["days"])
    return Restriction(days, time.fromisoformat(document["start"]), time.fromisoformat(document["end"]))


def _override_document(override: Override) -> Document:
    change = override.change
    told: Document = {"change": type(change).__name__.lower(), "person_id": change.person_id}
    if isinstance(change, Replace):
        told["replaced"] = change.replaced
    return told | {
        "override_id": override.override_id,
        "starts_at": override.starts_at.isoformat(),
        "ends_at": override.ends_at.isoformat(),
        "reason": override.reason,
    }


def _override_in(document: Document) -> Override:
    return Override(
        OverrideId(document["override_id"]),
        datetime.fromisoformat(document["starts_at"]),
        datetime.fromisoformat(document["ends_at"]),
        _change_in(document),
        document["reason"],
    )


def _change_in(document: Document) -> Add | Remove | Replace:
    person = PersonId(document["person_id"])
    if document["change"] == "replace":
        replaced = document["replaced"]
        return Replace(person, PersonId(replaced) if replaced is not None else None)
    return Add(person) if document["change"] == "add" else Remove(person)


def _swap_document(swap: ShiftSwap) -> Document:
    return {
        "shift_swap_id": swap.shift_swap_id,
        "from_person_id": swap.from_person,
        "to_person_id": swap.to_person,
        "starts_at": swap.starts_at.isoformat(),
        "ends_at": swap.ends_at.isoformat(),
        "reason": swap.reason,
        "state": swap.state.value,
    }


def _swap_in(document: Document) -> ShiftSwap:
    return ShiftSwap(
        ShiftSwapId(document["shift_swap_id"]),
        PersonId(document["from_person_id"]),
        PersonId(document["to_person_id"]),
        datetime.fromisoformat(document["starts_at"]),
        datetime.fromisoformat(document["ends_at"]),
        document["reason"],
        SwapState(document["state"]),
    )


def _moment_text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def _moment_in(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None
