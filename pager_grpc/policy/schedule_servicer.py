"""``policy.v1.ScheduleService``: request to values, use case, response."""

# ruff: noqa: N802 - the contract names the methods

from typing import Any

from pager_domain.access.principal import Role
from pager_domain.errors import InvalidField
from pager_domain.policy.on_call_application import OnCallApplicationService
from pager_domain.policy.people import PersonId
from pager_domain.policy.schedule_application import ScheduleApplicationService
from pager_domain.policy.schedules import ScheduleId
from pager_grpc.access.principal import current_principal
from pager_grpc.gen.policy.v1 import schedule_service_pb2 as pb
from pager_grpc.gen.policy.v1 import schedule_service_pb2_grpc as pb_grpc
from pager_grpc.policy import on_call_wire
from pager_grpc.policy import schedule_wire as wire
from pager_grpc.policy.calendar_ical import calendar_text
from pager_grpc.policy.people_wire import person_id_from
from pager_grpc.policy.wire import etag_from
from pager_grpc.policy.wire_values import id_after_from, moment_in, token_after
from pager_grpc.runtime.page_tokens import page_of, page_size_of

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["ScheduleService"].full_name


class ScheduleServicer(pb_grpc.ScheduleServiceServicer):
    """Domain errors pass through; the server's boundary writes them."""

    def __init__(self, application: ScheduleApplicationService, on_call: OnCallApplicationService) -> None:
        self._application = application
        self._on_call = on_call

    async def CreateSchedule(self, request: pb.CreateScheduleRequest, context: Any) -> pb.CreateScheduleResponse:
        """A new schedule as revision 1."""
        schedule = await self._application.create(wire.definition_from(request.schedule))
        return pb.CreateScheduleResponse(schedule=wire.schedule_to(schedule))

    async def GetSchedule(self, request: pb.GetScheduleRequest, context: Any) -> pb.GetScheduleResponse:
        """The newest revision."""
        schedule = await self._application.schedule(wire.schedule_id_from(request.schedule_id))
        return pb.GetScheduleResponse(schedule=wire.schedule_to(schedule))

    async def ListSchedules(self, request: pb.ListSchedulesRequest, context: Any) -> pb.ListSchedulesResponse:
        """A page; one more than shown is read, to know whether there is another page."""
        page_size, after = page_size_of(request.page_size), _after(request.page_token)
        schedules = await self._application.schedules(after, page_size + 1)
        shown, token = page_of(schedules, wire.schedule_to, page_size, token_after)
        return pb.ListSchedulesResponse(schedules=shown, next_page_token=token)

    async def UpdateSchedule(self, request: pb.UpdateScheduleRequest, context: Any) -> pb.UpdateScheduleResponse:
        """The next revision, if anything is different."""
        schedule = await self._application.update(wire.definition_from(request.schedule), etag_from(request.etag))
        return pb.UpdateScheduleResponse(schedule=wire.schedule_to(schedule))

    async def DeleteSchedule(self, request: pb.DeleteScheduleRequest, context: Any) -> pb.DeleteScheduleResponse:
        """The schedule ends; its revisions stay."""
        await self._application.delete(wire.schedule_id_from(request.schedule_id), etag_from(request.etag))
        return pb.DeleteScheduleResponse()

    async def CreateOverride(self, request: pb.CreateOverrideRequest, context: Any) -> pb.CreateOverrideResponse:
        """The next revision, unless the override is there already."""
        schedule_id = wire.schedule_id_from(request.schedule_id)
        schedule = await self._application.create_override(schedule_id, wire.override_from(request.override))
        return pb.CreateOverrideResponse(schedule=wire.schedule_to(schedule))

    async def DeleteOverride(self, request: pb.DeleteOverrideRequest, context: Any) -> pb.DeleteOverrideResponse:
        """The next revision."""
        schedule_id = wire.schedule_id_from(request.schedule_id)
        schedule = await self._application.delete_override(schedule_id, wire.override_id_from(request.override_id))
        return pb.DeleteOverrideResponse(schedule=wire.schedule_to(schedule))

    async def RequestShiftSwap(self, request: pb.RequestShiftSwapRequest, context: Any) -> pb.RequestShiftSwapResponse:
        """A question that waits."""
        schedule_id = wire.schedule_id_from(request.schedule_id)
        swap = await self._application.request_shift_swap(schedule_id, wire.shift_swap_from(request.shift_swap))
        return pb.RequestShiftSwapResponse(shift_swap=wire.shift_swap_to(swap))

    async def AnswerShiftSwap(self, request: pb.AnswerShiftSwapRequest, context: Any) -> pb.AnswerShiftSwapResponse:
        """A question answered."""
        schedule_id = wire.schedule_id_from(request.schedule_id)
        shift_swap_id = wire.shift_swap_id_from(request.shift_swap_id)
        answer = wire.answer_from(request.answer)
        principal = current_principal()
        by = PersonId(principal.person_id) if principal.role is Role.RESPONDER else None
        swap = await self._application.answer_shift_swap(schedule_id, shift_swap_id, answer, by)
        return pb.AnswerShiftSwapResponse(shift_swap=wire.shift_swap_to(swap))

    async def ListShifts(self, request: pb.ListShiftsRequest, context: Any) -> pb.ListShiftsResponse:
        """Who is on call in a span of time."""
        schedule_id = wire.schedule_id_from(request.schedule_id)
        start, end = moment_in(request, "start_time"), moment_in(request, "end_time")
        return on_call_wire.shifts_to(await self._on_call.shifts(schedule_id, start, end))

    async def ListOnCall(self, request: pb.ListOnCallRequest, context: Any) -> pb.ListOnCallResponse:
        """Who is on call at a moment: of one schedule, or a page of all."""
        at, page_size, after = (
            moment_in(request, "at_time"),
            page_size_of(request.page_size),
            _after(request.page_token),
        )
        if request.schedule_id:
            answers = [await self._on_call.on_call(wire.schedule_id_from(request.schedule_id), at)]
        else:
            answers = await self._on_call.all_on_call(at, after, page_size + 1)
        shown, token = page_of(answers, on_call_wire.schedule_on_call_to, page_size, token_after)
        return pb.ListOnCallResponse(schedules=shown, next_page_token=token)

    async def ExportCalendar(self, request: pb.ExportCalendarRequest, context: Any) -> pb.ExportCalendarResponse:
        """The calendar of a schedule or of a person."""
        match request.WhichOneof("subject"):
            case "schedule_id":
                calendar = await self._on_call.calendar_of_schedule(wire.schedule_id_from(request.schedule_id))
            case "person_id":
                calendar = await self._on_call.calendar_of_person(person_id_from(request.person_id))
            case _:
                raise InvalidField("subject", "must be a schedule_id or a person_id")
        return pb.ExportCalendarResponse(calendar=await calendar_text(calendar))


def _after(page_token: str) -> ScheduleId | None:
    after = id_after_from(page_token)
    return ScheduleId(after) if after is not None else None
