"""Who is on call, as ``policy.v1.ScheduleService`` says it."""

from collections.abc import Sequence

from pager_domain.policy.on_call_application import Answer
from pager_domain.policy.schedules import OnCall, Shift
from pager_grpc.gen.policy.v1 import schedule_service_pb2 as pb
from pager_grpc.policy.wire_values import timestamp_to


def shifts_to(answer: Answer) -> pb.ListShiftsResponse:
    """The shifts of a span of time."""
    shifts = [_shift_to(shift) for shift in answer.shifts]
    return pb.ListShiftsResponse(shifts=shifts, time_zone=answer.schedule.definition.time_zone)


def schedule_on_call_to(answer: Answer) -> pb.ListOnCallResponse.ScheduleOnCall:
    """What one schedule answers for a moment."""
    [shift] = answer.shifts
    return pb.ListOnCallResponse.ScheduleOnCall(
        schedule_id=answer.schedule.schedule_id,
        shift=_shift_to(shift),
        time_zone=answer.schedule.definition.time_zone,
    )


def _shift_to(shift: Shift) -> pb.Shift:
    return pb.Shift(
        start_time=timestamp_to(shift.starts_at),
        end_time=timestamp_to(shift.ends_at),
        on_call=_on_call_to(shift.on_call),
    )


def _on_call_to(people: Sequence[OnCall]) -> list[pb.OnCall]:
    return [
        pb.OnCall(person_id=one.person_id, layer_id=one.layer_id or "", override_id=one.override_id or "")
        for one in people
    ]
