"""Schedules as a caller writes them, and the two services that know of them, in few words."""

from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from pager_grpc.gen.policy.v1 import people_service_pb2 as people_pb
from pager_grpc.gen.policy.v1 import people_service_pb2_grpc as people_grpc
from pager_grpc.gen.policy.v1 import schedule_service_pb2 as pb
from pager_grpc.gen.policy.v1 import schedule_service_pb2_grpc as pb_grpc
from pager_grpc.runtime.errors import fault_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WEEK = pb.Rotation.UNIT_WEEK


def stamp(moment):
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def between(start, end):
    return {"start_time": stamp(start), "end_time": stamp(end)}


def a_layer(*people, layer_id="primary", start="2020-01-06T09:00", unit=WEEK, **more):
    rotation = pb.Rotation(person_ids=people or ("ana", "ben"), unit=unit, start_local_time=start)
    return pb.Layer(layer_id=layer_id, rotation=rotation, **more)


def a_schedule(schedule_id="shop", *layers, zone="Europe/Berlin", **more):
    return pb.Schedule(schedule_id=schedule_id, time_zone=zone, layers=layers or [a_layer()], **more)


class Policy:
    """The two services, in few words; ``now`` is a whole second of the present."""

    def __init__(self, channel):
        self.schedules = pb_grpc.ScheduleServiceStub(channel)
        self.people = people_grpc.PeopleServiceStub(channel)
        self.now = datetime.now(UTC).replace(microsecond=0)

    async def person(self, person_id, display_name=""):
        method = people_pb.ContactMethod(contact_method_id="mail", email_address=f"{person_id}@example.com")
        person = people_pb.Person(person_id=person_id, display_name=display_name, contact_methods=[method])
        await self.people.CreatePerson(people_pb.CreatePersonRequest(person=person))

    async def create(self, schedule=None):
        request = pb.CreateScheduleRequest(schedule=schedule or a_schedule())
        return (await self.schedules.CreateSchedule(request)).schedule

    async def get(self, schedule_id="shop"):
        return (await self.schedules.GetSchedule(pb.GetScheduleRequest(schedule_id=schedule_id))).schedule

    async def override(self, override, schedule_id="shop"):
        request = pb.CreateOverrideRequest(schedule_id=schedule_id, override=override)
        return (await self.schedules.CreateOverride(request)).schedule

    async def swap(self, *people, **more):
        names = dict(zip(("from_person_id", "to_person_id"), people, strict=True))
        span = between(self.now + HOUR, self.now + 14 * DAY)
        swap = pb.ShiftSwap(**{"shift_swap_id": "s-1"} | names | span | more)
        request = pb.RequestShiftSwapRequest(schedule_id="shop", shift_swap=swap)
        return (await self.schedules.RequestShiftSwap(request)).shift_swap

    async def answer(self, answer, shift_swap_id="s-1"):
        request = pb.AnswerShiftSwapRequest(schedule_id="shop", shift_swap_id=shift_swap_id, answer=answer)
        return (await self.schedules.AnswerShiftSwap(request)).shift_swap

    async def shifts(self, start, end, schedule_id="shop"):
        request = pb.ListShiftsRequest(schedule_id=schedule_id, **between(start, end))
        return (await self.schedules.ListShifts(request)).shifts

    async def on_call(self, **asked):
        return (await self.schedules.ListOnCall(pb.ListOnCallRequest(**asked))).schedules

    async def calendar(self, **subject):
        return (await self.schedules.ExportCalendar(pb.ExportCalendarRequest(**subject))).calendar


def people_of(shift):
    return [one.person_id for one in shift.on_call]


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    fault = fault_of(failed.value)
    return fault.code.name, fault.reason.removeprefix("ERROR_REASON_"), dict(fault.metadata)
