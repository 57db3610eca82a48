import json
from datetime import UTC, datetime, time

from fakes.roster_builders import a_rotation, a_schedule, people
from hypothesis import given

from pager_domain.policy.schedules import (
    Add,
    Layer,
    LayerId,
    Override,
    OverrideId,
    Remove,
    Replace,
    Restriction,
    ShiftSwap,
    ShiftSwapId,
    SwapState,
    Unit,
    Weekday,
)
from pager_grpc.policy.person_documents import person_document, person_in
from pager_grpc.policy.schedule_documents import schedule_document, schedule_in

FROM = datetime(2026, 11, 2, 8, 30, 0, 123456, tzinfo=UTC)
TO = datetime(2026, 11, 9, 8, 30, tzinfo=UTC)


@given(people)
def test_a_person_survives_its_document(person):
    document = json.loads(json.dumps(person_document(person)))
    assert person_in(person.person_id, document) == person


def test_a_schedule_survives_its_document():
    nights = Restriction(frozenset({Weekday.FRIDAY, Weekday.MONDAY}), time(22), time(6, 30))
    days = a_rotation("ana", "ben", "ana", unit=Unit.DAY, length=3)
    schedule = a_schedule(
        display_name="Shöp",
        layers=(
            Layer(LayerId("days"), days, (nights, Restriction()), FROM, TO, covering=True),
            Layer(LayerId("hours"), a_rotation("cem", unit=Unit.HOUR)),
        ),
        overrides=(
            Override(OverrideId("1"), FROM, TO, Add("dan"), "ill"),
            Override(OverrideId("2"), FROM, TO, Remove("ana")),
            Override(OverrideId("3"), FROM, TO, Replace("eve", "ben")),
            Override(OverrideId("4"), FROM, TO, Replace("fay")),
        ),
        shift_swaps=(ShiftSwap(ShiftSwapId("s"), "ana", "gil", FROM, TO, "party", SwapState.DECLINED),),
    )
    document = json.loads(json.dumps(schedule_document(schedule)))
    assert schedule_in(schedule.schedule_id, document) == schedule
    assert document["people"] == ["ana", "ben", "cem", "dan", "eve", "fay", "gil"]
