"""The schedule commands that change: override, swap, answer, delete. Each carries an id, so that a repeat is safe."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from pager_cli.connection import connected
from pager_cli.outcome import NO_ANSWER, CommandFailed
from pager_cli.output import as_json, print_json, print_line
from pager_cli.peer import Peer
from pager_cli.sentences import command_failed
from pager_cli.times import read_moment, stamp, zone_named
from pager_cli.words import enum_word, one_line
from pager_grpc.client.calling import Caller
from pager_grpc.client.errors import NotAnswered, PagerError
from pager_grpc.gen.policy.v1 import schedule_service_pb2 as pb
from pager_grpc.gen.policy.v1.schedule_service_pb2_grpc import ScheduleServiceStub

T = TypeVar("T")
Message = TypeVar("Message", pb.Override, pb.ShiftSwap)


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when, as the person wrote it; a time without an offset is one of the schedule's zone."""

    start: str
    end: str

    def put_into(self, message: Message, schedule: pb.Schedule) -> Message:
        """``message`` with its two times.

        Raises:
            CommandFailed: one of them means no moment.
        """
        zone, now = zone_named(schedule.time_zone), datetime.now(UTC)
        message.start_time.CopyFrom(stamp(read_moment("--from", self.start, zone, now)))
        message.end_time.CopyFrom(stamp(read_moment("--to", self.end, zone, now)))
        return message


async def create_override(peer: Peer, schedule_id: str, override: pb.Override, span: Span, *, as_machine: bool) -> None:
    """Changes who is on call for a time."""
    override.override_id = override.override_id or str(uuid.uuid4())

    async def work(stub: ScheduleServiceStub, caller: Caller) -> pb.CreateOverrideResponse:
        span.put_into(override, await _schedule(stub, caller, schedule_id))
        request = pb.CreateOverrideRequest(schedule_id=schedule_id, override=override)
        return await _told(peer, caller.write(stub.CreateOverride, request), override.override_id, override)

    answer = await _with_stub(peer, work)
    if as_machine:
        print_json(as_json(answer))
    else:
        print_line(
            f"{one_line(schedule_id)} has the override {one_line(override.override_id)} (r{answer.schedule.revision})"
        )


async def delete_override(peer: Peer, schedule_id: str, override_id: str, *, as_machine: bool) -> None:
    """Takes an override back."""
    request = pb.DeleteOverrideRequest(schedule_id=schedule_id, override_id=override_id)

    async def work(stub: ScheduleServiceStub, caller: Caller) -> pb.DeleteOverrideResponse:
        return await caller.once(stub.DeleteOverride, request)

    answer = await _with_stub(peer, work)
    if as_machine:
        print_json(as_json(answer))
    else:
        print_line(
            f"{one_line(schedule_id)} has no override {one_line(override_id)} any more (r{answer.schedule.revision})"
        )


async def request_swap(peer: Peer, schedule_id: str, swap: pb.ShiftSwap, span: Span, *, as_machine: bool) -> None:
    """Asks somebody to take over."""
    swap.shift_swap_id = swap.shift_swap_id or str(uuid.uuid4())

    async def work(stub: ScheduleServiceStub, caller: Caller) -> pb.RequestShiftSwapResponse:
        span.put_into(swap, await _schedule(stub, caller, schedule_id))
        request = pb.RequestShiftSwapRequest(schedule_id=schedule_id, shift_swap=swap)
        return await _told(peer, caller.write(stub.RequestShiftSwap, request), swap.shift_swap_id, swap)

    answer = await _with_stub(peer, work)
    if as_machine:
        print_json(as_json(answer))
        return
    taker = one_line(swap.to_person_id)
    print_line(f"{taker} is asked to take over from {one_line(swap.from_person_id)}, but is not told: do that yourself")
    print_line(f"then: pagerctl schedule answer {one_line(schedule_id)} {one_line(swap.shift_swap_id)} accept")


async def answer_swap(
    peer: Peer, schedule_id: str, shift_swap_id: str, answer: "pb.ShiftSwap.State.ValueType", *, as_machine: bool
) -> None:
    """Accepts, declines or withdraws a shift swap."""
    request = pb.AnswerShiftSwapRequest(schedule_id=schedule_id, shift_swap_id=shift_swap_id, answer=answer)

    async def work(stub: ScheduleServiceStub, caller: Caller) -> pb.AnswerShiftSwapResponse:
        return await caller.write(stub.AnswerShiftSwap, request)

    answered = await _with_stub(peer, work)
    if as_machine:
        print_json(as_json(answered))
    else:
        state = enum_word(pb.ShiftSwap.State, answered.shift_swap.state)
        print_line(f"shift swap {one_line(shift_swap_id)} of {one_line(schedule_id)} {state}")


async def delete_schedule(peer: Peer, schedule_id: str, *, as_machine: bool) -> None:
    """Ends a schedule."""

    async def work(stub: ScheduleServiceStub, caller: Caller) -> None:
        etag = (await _schedule(stub, caller, schedule_id)).etag
        await caller.once(stub.DeleteSchedule, pb.DeleteScheduleRequest(schedule_id=schedule_id, etag=etag))

    await _with_stub(peer, work)
    if as_machine:
        print_json({})
    else:
        print_line(f"{one_line(schedule_id)} deleted")


async def _with_stub(peer: Peer, work: Callable[[ScheduleServiceStub, Caller], Awaitable[T]]) -> T:
    async with connected(peer) as (channel, caller):
        return await work(ScheduleServiceStub(channel), caller)


async def _schedule(stub: ScheduleServiceStub, caller: Caller, schedule_id: str) -> pb.Schedule:
    return (await caller.read(stub.GetSchedule, pb.GetScheduleRequest(schedule_id=schedule_id))).schedule


async def _told(peer: Peer, call: Awaitable[T], change_id: str, span: pb.Override | pb.ShiftSwap) -> T:
    """The answer; without one, how the same change is asked for again."""
    try:
        return await call
    except PagerError as failed:
        if not isinstance(failed, NotAnswered):
            raise
        if not failed.sent:
            raise CommandFailed(NO_ANSWER, f"{command_failed(peer, failed).sentence}; nothing was sent") from failed
        times = f"--from {span.start_time.ToJsonString()} --to {span.end_time.ToJsonString()}"
        again = f"it may or may not be stored: repeat with --id {change_id} {times}"
        raise CommandFailed(NO_ANSWER, f"{command_failed(peer, failed).sentence}; {again}") from failed
