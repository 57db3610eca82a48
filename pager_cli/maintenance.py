"""Maintenance windows: made, listed, deleted."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pager_cli.connection import connected
from pager_cli.durations import written_duration
from pager_cli.interventions import duration_of, request_id_or_new, timestamp_of
from pager_cli.moments import full_time
from pager_cli.output import as_json, print_json, print_line, print_table
from pager_cli.peer import Peer
from pager_cli.words import enum_word, one_line
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1.pager_service_pb2_grpc import PagerServiceStub

Schedule = pb.MaintenanceWindow.OneOff | pb.MaintenanceWindow.Recurring
_PAGE_SIZE = 1000


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
    as_machine: bool,
) -> None:
    """Makes a window and prints its id."""
    window = pb.MaintenanceWindow(monitored_service_ids=services, created_by=by, reason=reason)
    if isinstance(when, pb.MaintenanceWindow.OneOff):
        window.one_off.CopyFrom(when)
    else:
        window.recurring.CopyFrom(when)
    request = pb.CreateMaintenanceWindowRequest(maintenance_window=window, request_id=request_id_or_new(request_id))
    async with connected(peer) as (channel, caller):
        answer = await caller.write(PagerServiceStub(channel).CreateMaintenanceWindow, request)
    if as_machine:
        print_json(as_json(answer))
        return
    made = answer.maintenance_window
    print_line(f"maintenance window {made.maintenance_window_id}: {_when(made)}")


async def list_windows(peer: Peer, *, as_machine: bool) -> None:
    """Lists the windows, the oldest first."""
    windows: list[pb.MaintenanceWindow] = []
    async with connected(peer) as (channel, caller):
        stub, token = PagerServiceStub(channel), ""
        while True:
            request = pb.ListMaintenanceWindowsRequest(page_size=_PAGE_SIZE, page_token=token)
            answer = await caller.read(stub.ListMaintenanceWindows, request)
            windows += answer.maintenance_windows
            if not (token := answer.next_page_token):
                break
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
