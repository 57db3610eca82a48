from datetime import UTC, time
from zoneinfo import ZoneInfo

import pytest
from fakes.roster_builders import refused_field
from fakes.schedule_builders import a_layer, a_rotation, a_schedule, a_swap, add, an_override, replace_by, utc, wall

from pager_domain.policy.schedules import Layer, Override, Restriction, Unit

MANY = ("2026-11-03 10:00", "2026-11-03 12:00")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"people": ()}, "person_ids"),
        ({"people": ("ana",) * 101}, "person_ids"),
        ({"people": ("ana", "")}, "person_ids[1]"),
        ({"length": 0}, "length"),
        ({"length": 1001}, "length"),
        ({"starts_at": utc("2026-11-02")}, "start_local_time"),
        ({"starts_at": wall("1969-11-02")}, "start_local_time"),
        ({"starts_at": wall("2201-11-02")}, "start_local_time"),
    ],
)
def test_a_rotation_refuses_what_is_over_its_limit(change, field):
    given = {"people": ("ana",), "unit": Unit.DAY, "starts_at": wall("2026-11-02")} | change
    assert refused_field(lambda: type(a_rotation())(**given)) == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"layer_id": ""}, "layer_id"),
        ({"restrictions": (Restriction(),) * 51}, "restrictions"),
        ({"starts_at": wall("2026-11-02")}, "start_time"),
        ({"ends_at": utc("2201-11-02")}, "end_time"),
        ({"starts_at": utc("2026-11-02"), "ends_at": utc("2026-11-02")}, "end_time"),
        ({"covering": True}, "covering"),
        ({"covering": True, "starts_at": utc("2026-11-02")}, "covering"),
        ({"covering": True, "ends_at": utc("2026-11-02")}, "covering"),
    ],
)
def test_a_layer_refuses_what_is_over_its_limit(change, field):
    given = {"layer_id": "primary", "rotation": a_rotation()} | change
    assert refused_field(lambda: Layer(**given)) == field


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [(time(9, tzinfo=UTC), time(17), "start_local_time"), (time(9), time(17, 0, 0, 5), "end_local_time")],
)
def test_a_restriction_is_of_local_times_of_whole_seconds(start, end, field):
    assert refused_field(lambda: Restriction(frozenset(), start, end)) == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"override_id": "x" * 256}, "override_id"),
        ({"starts_at": wall("2026-11-02")}, "start_time"),
        ({"ends_at": utc("2026-11-01")}, "end_time"),
        ({"ends_at": utc("2027-11-03 00:00:01")}, "end_time"),
        ({"reason": "x" * 256}, "reason"),
    ],
)
def test_an_override_refuses_what_is_over_its_limit(change, field):
    given = {"override_id": "o", "starts_at": utc("2026-11-02"), "ends_at": utc("2026-11-03"), "change": add("ana")}
    assert refused_field(lambda: Override(**given | change)) == field
    assert not refused_field(lambda: Override(**given | {"ends_at": utc("2027-11-03")}))


def test_nobody_replaces_themselves_or_swaps_with_themselves():
    assert refused_field(lambda: replace_by("ana", "ana")) == "replaced_person_id"
    assert refused_field(lambda: a_swap("ana", "ana")) == "to_person_id"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"swap_id": ""}, "shift_swap_id"),
        ({"swap_id": "x" * 251}, "shift_swap_id"),
        ({"swap_id": "a\nb"}, "shift_swap_id"),
        ({"giver": ""}, "from_person_id"),
        ({"taker": ""}, "to_person_id"),
        ({"end": "2026-11-03 10:00"}, "end_time"),
        ({"reason": "x" * 256}, "reason"),
    ],
)
def test_a_shift_swap_refuses_what_is_over_its_limit(change, field):
    assert refused_field(lambda: a_swap(**change)) == field
    assert not refused_field(lambda: a_swap(swap_id="x" * 250))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"zone": "Mars/Base"}, "time_zone"),
        ({"display_name": "x" * 256}, "display_name"),
        ({"layers": [a_layer(), a_layer()]}, "layers[1].layer_id"),
        ({"layers": [a_layer(layer_id=str(n)) for n in range(21)]}, "layers"),
        ({"overrides": [an_override(add("ana"), *MANY)] * 2}, "overrides[1].override_id"),
        ({"overrides": [an_override(add("ana"), *MANY, override_id=str(n)) for n in range(501)]}, "overrides"),
        ({"shift_swaps": (a_swap(), a_swap())}, "shift_swaps[1].shift_swap_id"),
        ({"shift_swaps": tuple(a_swap(swap_id=str(n)) for n in range(501))}, "shift_swaps"),
    ],
)
def test_a_schedule_refuses_what_is_over_its_limit(change, field):
    layers = change.pop("layers", [])
    assert refused_field(lambda: a_schedule(*layers, **change)) == field


def test_moments_are_kept_in_utc():
    berlin = utc("2026-11-02 09:00").astimezone(ZoneInfo("Europe/Berlin"))
    layer = Layer("primary", a_rotation(), starts_at=berlin)
    assert (layer.starts_at, layer.starts_at.tzinfo) == (utc("2026-11-02 09:00"), UTC)
