"""Maintenance windows: made, listed, deleted."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pager_cli.connection import connected
from pager_cli.durations import written_duration
from pager_cli.interventions import duration_of, request_id_or_new, timestamp_of
from pager_cli.moments import full_time
from pager_cli.output import as_json, print_json, print_line, print_table
from pager_cli.paging import rows_of
from pager_cli.peer import Peer
from pager_cli.words import enum_word, one_line
from pager_grpc.client.calling import Caller
from pager_grpc.client.errors import PagerError
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1.pager_service_pb2_grpc import PagerServiceStub

Schedule = pb.MaintenanceWindow.OneOff | pb.MaintenanceWindow.Recurring
_REUSED = "ERROR_REASON_REQUEST_ID_REUSED"


def one_off(start: datetime, end: datetime) -> pb.MaintenanceWindow.OneOff:
    """From ``start`` to ``end``."""
    return pb.MaintenanceWindow.OneOff(start_time=timestamp_of(start), end_time=timestamp_of(end))


def recurring(at: str, length: timedelta, zone: str, days: Sequence[str]) -> pb.MaintenanceWindow.Recurring:
    """Each day, or on these ``days`` (``monday`` and so on), at this wall-clock time of ``zone``."""
    return pb.MaintenanceWindow.Recurring(
        time_zone=zone,
        start_local_time=at,
        length=duration_of(length),
        days=[pb.MaintenanceWindow.Recurring.Day.Value(f"DAY_{day.upper()}") for day in days],
    )


async def create(
    peer: Peer,
    services: Sequence[str],
    when: Schedule,
    *,
    by: str,
    reason: str,
    request_id: str,
    relative: bool,
    as_machine: bool,
) -> None:
    """Makes a window and prints its id.

    ``relative``: its start was counted from now, so that the same command says another one each time. Then a repeat is
    known by the window that the first call made.
    """
    window = pb.MaintenanceWindow(monitored_service_ids=services, created_by=by, reason=reason)
    if isinstance(when, pb.MaintenanceWindow.OneOff):
        window.one_off.CopyFrom(when)
    else:
        window.recurring.CopyFrom(when)
    request = pb.CreateMaintenanceWindowRequest(maintenance_window=window, request_id=request_id_or_new(request_id))
    async with connected(peer) as (channel, caller):
        stub = PagerServiceStub(channel)
        try:
            made = (await caller.write(stub.CreateMaintenanceWindow, request)).maintenance_window
        except PagerError as failed:
            before = await _made_before(stub, caller, window) if relative and failed.reason == _REUSED else None
            if before is None:
                raise
            made = before
    if as_machine:
        print_json(as_json(pb.CreateMaintenanceWindowResponse(maintenance_window=made)))
        return
    print_line(f"maintenance window {made.maintenance_window_id}: {_when(made)}")


async def _made_before(
    stub: PagerServiceStub, caller: Caller, asked: pb.MaintenanceWindow
) -> pb.MaintenanceWindow | None:
    """The newest window that ``asked`` asks for again; one that is over holds nothing, so it is none."""
    now = datetime.now(UTC)
    for window in reversed(await _windows(stub, caller)):
        if _is_same(window, asked) and window.one_off.end_time.ToDatetime(UTC) > now:
            return window
    return None


def _is_same(window: pb.MaintenanceWindow, asked: pb.MaintenanceWindow) -> bool:
    same_end = window.one_off.end_time == asked.one_off.end_time
    return (
        sorted(window.monitored_service_ids) == sorted(asked.monitored_service_ids)
        and window.reason == asked.reason
        and asked.created_by in {"", window.created_by}
        and (same_end or _length(window.one_off) == _length(asked.one_off))
    )


def _length(once: pb.MaintenanceWindow.OneOff) -> int:
    return once.end_time.ToNanoseconds() - once.start_time.ToNanoseconds()


async def _windows(stub: PagerServiceStub, caller: Caller) -> list[pb.MaintenanceWindow]:
    windows, _ = await rows_of(
        lambda size, token: caller.read(
            stub.ListMaintenanceWindows, pb.ListMaintenanceWindowsRequest(page_size=size, page_token=token)
        ),
        lambda answer: answer.maintenance_windows,
    )
    return windows


async def list_windows(peer: Peer, *, as_machine: bool) -> None:
    """Lists the windows, the oldest first."""
    async with connected(peer) as (channel, caller):
        windows = await _windows(PagerServiceStub(channel), caller)
    if as_machine:
        print_json([as_json(window) for window in windows])
        return
    rows = [
        (
            window.maintenance_window_id,
            _when(window),
            one_line(window.created_by),
            ", ".join(map(one_line, window.monitored_service_ids)),
            one_line(window.reason) or "-",
        )
        for window in windows
    ]
    print_table(("WINDOW", "WHEN", "BY", "SERVICES", "REASON"), rows, ("BY",))


async def delete(peer: Peer, window_id: str, *, as_machine: bool) -> None:
    """Ends a window."""
    request = pb.DeleteMaintenanceWindowRequest(maintenance_window_id=window_id)
    async with connected(peer) as (channel, caller):
        answer = await caller.write(PagerServiceStub(channel).DeleteMaintenanceWindow, request)
    if as_machine:
        print_json(as_json(answer))
    else:
        print_line(f"maintenance window {one_line(window_id)} is deleted: what it held is paged now")


def _when(window: pb.MaintenanceWindow) -> str:
    if window.HasField("one_off"):
        return f"{full_time(window.one_off.start_time)} to {full_time(window.one_off.end_time)}"
    if not window.HasField("recurring"):
        return "at times that this pagerctl does not know"
    again = window.recurring
    days = ", ".join(enum_word(pb.MaintenanceWindow.Recurring.Day, day) for day in again.days) or "every day"
    length = written_duration(again.length.ToTimedelta())
    return f"{days} at {one_line(again.start_local_time)} ({one_line(again.time_zone)}) for {length}"
