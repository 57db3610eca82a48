from datetime import timedelta
from itertools import pairwise

from domain.policy.clock_changes import clock_changes, every_zone
from domain.policy.plain_rota import who
from fakes.schedule_builders import add, names, remove, replace_by
from hypothesis import given, settings
from hypothesis import strategies as st

from pager_domain.policy.rota import on_call, shifts
from pager_domain.policy.schedules import Layer, Override, Restriction, Rotation, ScheduleDefinition, Unit, Weekday

MOMENT = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
PEOPLE = st.sampled_from(["ana", "ben", "cy", "dan"])


@st.composite
def schedules(draw):
    """A schedule with everything that there is, near a clock change of its zone if it has one; and a moment there."""
    zone = draw(st.sampled_from([name for name in every_zone() if clock_changes(name)]))
    middle = draw(st.sampled_from(clock_changes(zone))).at
    near = st.integers(-4 * 24 * 60, 4 * 24 * 60).map(lambda minutes: middle + minutes * MINUTE)
    layers = draw(st.lists(layers_near(near), min_size=1, max_size=3, unique_by=lambda layer: layer.layer_id))
    overrides = draw(st.lists(overrides_near(near), max_size=4, unique_by=lambda override: override.override_id))
    return ScheduleDefinition("shop", zone, tuple(layers), overrides=tuple(overrides)), draw(near)


def spans_near(near):
    pairs = st.tuples(near, near)
    return pairs.map(sorted).filter(lambda span: span[0] < span[1])


@st.composite
def layers_near(draw, near):
    starts_at = (draw(near) - timedelta(days=draw(st.integers(0, 20)))).replace(tzinfo=None, second=0)
    unit = draw(st.sampled_from(Unit))
    length = draw(st.integers(1, 30 if unit is Unit.HOUR else 3))
    rotation = Rotation(tuple(draw(st.lists(PEOPLE, min_size=1, max_size=4))), unit, starts_at, length)
    begins, ends = draw(spans_near(near) | st.just((None, None)))
    covering = begins is not None and draw(st.booleans())
    layer_id = draw(st.sampled_from(["first", "second", "third", "fourth"]))
    return Layer(layer_id, rotation, tuple(draw(st.lists(restrictions, max_size=3))), begins, ends, covering)


restrictions = st.builds(
    Restriction,
    st.frozensets(st.sampled_from(Weekday)),
    st.times().map(lambda clock: clock.replace(microsecond=0)),
    st.times().map(lambda clock: clock.replace(microsecond=0)),
)
changes = st.builds(add, PEOPLE) | st.builds(remove, PEOPLE) | st.builds(replace_by, PEOPLE)
changes |= st.lists(PEOPLE, min_size=2, max_size=2, unique=True).map(lambda two: replace_by(*two))


@st.composite
def overrides_near(draw, near):
    starts_at, ends_at = draw(spans_near(near))
    return Override(f"o-{draw(st.integers(1, 9))}", starts_at, ends_at, draw(changes))


@settings(max_examples=50)
@given(schedules(), st.integers(1, 8 * 24 * 60))
def test_shifts_cover_their_span_without_a_hole_and_each_differs_from_the_next(made, minutes):
    schedule, start = made
    found = shifts(schedule, start, start + minutes * MINUTE)
    assert (found[0].starts_at, found[-1].ends_at) == (start, start + minutes * MINUTE)
    assert all(before.ends_at == after.starts_at for before, after in pairwise(found))
    assert all(before.on_call != after.on_call for before, after in pairwise(found))
    assert all(len(set(names(shift.on_call))) == len(shift.on_call) for shift in found)


@settings(max_examples=50)  # turn by turn is slow
@given(schedules(), st.data())
def test_shifts_say_at_each_moment_what_follows_turn_by_turn_from_the_definition(made, data):
    schedule, start = made
    for shift in shifts(schedule, start, start + timedelta(days=3)):
        inside = data.draw(st.integers(0, (shift.length - MOMENT) // MOMENT)) * MOMENT
        for moment in (shift.starts_at, shift.starts_at + inside, shift.ends_at - MOMENT):
            assert names(shift.on_call) == who(schedule, moment), moment


@settings(max_examples=50)
@given(schedules(), st.integers(0, 3 * 24 * 60))
def test_who_is_on_call_at_a_moment_is_whoever_its_shift_names(made, minutes):
    schedule, start = made
    at = start + minutes * MINUTE
    [inside] = [s for s in shifts(schedule, start, start + timedelta(days=4)) if s.starts_at <= at < s.ends_at]
    assert on_call(schedule, at) == inside.on_call


@settings(max_examples=50)
@given(schedules(), st.integers(1, 3 * 24 * 60))
def test_a_span_in_two_parts_has_the_same_shifts(made, minutes):
    schedule, start = made
    middle, end = start + minutes * MINUTE, start + timedelta(days=4)
    parts = shifts(schedule, start, middle) + shifts(schedule, middle, end)
    assert [cut for shift in shifts(schedule, start, end) for cut in _cut(shift, middle)] == parts


def _cut(shift, at):
    if not shift.starts_at < at < shift.ends_at:
        return [shift]
    make = type(shift)
    return [make(shift.starts_at, at, shift.on_call), make(at, shift.ends_at, shift.on_call)]
