"""maintenance create, list and delete: what is asked of the pager."""

import json
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from cli.scripted_servers import Refusal
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

Window = pb.MaintenanceWindow


def at(moment: str) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromJsonString(moment)
    return timestamp


def made(**fields):
    one_off = Window.OneOff(start_time=at("2026-03-01T01:00:00Z"), end_time=at("2026-03-01T03:00:00Z"))
    fields = {"one_off": one_off} | fields
    return Window(maintenance_window_id="w1", monitored_service_ids=["a", "b"], created_by="ana", **fields)


WEEKLY = Window.Recurring(
    time_zone="Europe/Berlin",
    start_local_time="02:30",
    length=Duration(seconds=7200),
    days=[Window.Recurring.DAY_SATURDAY, Window.Recurring.DAY_SUNDAY],
)


async def test_a_window_of_once_is_made_in_local_time(pagerctl, pager):
    pager.script.answers("CreateMaintenanceWindow", pb.CreateMaintenanceWindowResponse(maintenance_window=made()))
    done = await pagerctl(
        *("maintenance", "create", "a", "b", "--by", "ana", "--from", "2026-03-01T02:00", "--for", "2h"),
        *("--reason", "new disks", "--request-id", "r"),
    )
    assert (done.code, done.err) == (0, "")
    assert done.out == "maintenance window w1: 2026-03-01 02:00:00 CET to 2026-03-01 04:00:00 CET\n"
    window = made(reason="new disks")
    window.maintenance_window_id = ""
    assert pager.script.requests["CreateMaintenanceWindow"] == [
        pb.CreateMaintenanceWindowRequest(maintenance_window=window, request_id="r")
    ]


async def test_a_window_may_come_again(pagerctl, pager):
    window = made(recurring=WEEKLY)
    pager.script.answers("CreateMaintenanceWindow", pb.CreateMaintenanceWindowResponse(maintenance_window=window))
    done = await pagerctl(
        *("maintenance", "create", "a", "--by", "ana", "--at", "02:30", "--zone", "Europe/Berlin", "--for", "2h"),
        *("--day", "saturday", "--day", "Sunday"),
    )
    assert done.out == "maintenance window w1: saturday, sunday at 02:30 (Europe/Berlin) for 2h\n"
    [request] = pager.script.requests["CreateMaintenanceWindow"]
    assert request.maintenance_window.recurring == WEEKLY
    assert request.request_id


@pytest.mark.parametrize(
    "options",
    [(), ("--for", "2h", "--until", "2026-03-01T02:00"), ("--at", "02:30"), ("--for", "long"), ("--until", "late")],
)
async def test_a_window_without_one_end_is_a_usage_error(pagerctl, pager, options):
    done = await pagerctl("maintenance", "create", "a", "--by", "ana", *options)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert pager.script.requests["CreateMaintenanceWindow"] == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--for", "2h", "--day", "sunday"), "--day and --zone belong to --at"),
        (("--for", "2h", "--zone", "Europe/Berlin"), "--day and --zone belong to --at"),
        (("--until", "2100-03-01T02:00", "--day", "sunday"), "--day and --zone belong to --at"),
        (("--for", "99999999d"), "--for must be at most 36500d"),
        (("--at", "02:30", "--for", "99999999d"), "--for must be at most 36500d"),
        (("--from", "9999-12-31", "--for", "2d"), "--from and --for must end before the year 10000"),
        (("--until", "9999-12-31T23:59:59-23:59"), "--until must be a moment like"),
        (("--from", "0001-01-01", "--for", "2h"), "--from must be a moment like"),
    ],
)
async def test_a_window_other_than_the_one_that_is_meant_is_not_made(pagerctl, pager, options, sentence):
    done = await pagerctl("maintenance", "create", "a", "--by", "ana", *options)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert sentence in done.err
    assert pager.script.requests["CreateMaintenanceWindow"] == []


async def test_a_window_may_start_a_while_after_now(pagerctl, pager):
    pager.script.answers("CreateMaintenanceWindow", pb.CreateMaintenanceWindowResponse(maintenance_window=made()))
    window = ("maintenance", "create", "a", "--by", "ana", "--from", "now+1d")
    assert (await pagerctl(*window, "--for", "2h")).code == 0
    assert (await pagerctl(*window, "--until", "now+26h")).code == 0
    for request in pager.script.requests["CreateMaintenanceWindow"]:
        once = request.maintenance_window.one_off
        assert once.end_time.ToDatetime() - once.start_time.ToDatetime() == timedelta(hours=2)
        assert timedelta(hours=23) < once.start_time.ToDatetime(UTC) - datetime.now(UTC) <= timedelta(days=1)


REUSED = Refusal(grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_REQUEST_ID_REUSED", {"request_id": "r"})


def since(start, length, **fields):
    """A window that began ``start`` from now."""
    once = Window.OneOff()
    once.start_time.FromDatetime(datetime.now(UTC) + start)
    once.end_time.FromNanoseconds(once.start_time.ToNanoseconds() + int(length.total_seconds()) * 10**9)
    return made(one_off=once, **fields)


FIVE_AGO, TWO_HOURS = timedelta(minutes=-5), timedelta(hours=2)


async def test_a_repeat_of_a_window_that_began_at_the_call_finds_the_one_it_made(pagerctl, pager):
    before = since(FIVE_AGO, TWO_HOURS)
    pager.script.answers("CreateMaintenanceWindow", REUSED)
    pager.script.answers(
        "ListMaintenanceWindows",
        pb.ListMaintenanceWindowsResponse(maintenance_windows=[before], next_page_token="more"),
        pb.ListMaintenanceWindowsResponse(maintenance_windows=[since(FIVE_AGO, timedelta(hours=3))]),
    )
    command = ("maintenance", "create", "b", "a", "--by", "ana", "--for", "2h", "--request-id", "r")
    done = await pagerctl(*command)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("maintenance window w1: ")
    pager.script.answers("ListMaintenanceWindows", pb.ListMaintenanceWindowsResponse(maintenance_windows=[before]))
    document = json.loads((await pagerctl(*command, "--json")).out)
    assert document["maintenance_window"]["one_off"]["end_time"] == before.one_off.end_time.ToJsonString()


@pytest.mark.parametrize(
    ("window", "options"),
    [
        (since(FIVE_AGO, TWO_HOURS, reason="another"), ("--for", "2h")),
        (since(FIVE_AGO, timedelta(hours=3)), ("--for", "2h")),
        (since(timedelta(hours=-3), TWO_HOURS), ("--for", "2h")),  # it is over, and holds nothing any more
        (since(FIVE_AGO, TWO_HOURS), ("--for", "2h", "--from", "2100-01-01")),
        (made(recurring=WEEKLY), ("--for", "2h")),
    ],
)
async def test_another_window_under_the_same_request_id_is_refused(pagerctl, pager, window, options):
    pager.script.answers("CreateMaintenanceWindow", REUSED)
    pager.script.answers("ListMaintenanceWindows", pb.ListMaintenanceWindowsResponse(maintenance_windows=[window]))
    done = await pagerctl("maintenance", "create", "a", "b", "--by", "ana", "--request-id", "r", *options)
    assert (done.code, done.out) == (1, "")
    assert "the request id 'r' was used with other content" in done.err


async def test_windows_are_listed_page_by_page(pagerctl, pager):
    pages = [
        pb.ListMaintenanceWindowsResponse(maintenance_windows=[made(reason="new disks")], next_page_token="more"),
        pb.ListMaintenanceWindowsResponse(maintenance_windows=[made(recurring=WEEKLY)]),
    ]
    pager.script.answers("ListMaintenanceWindows", *pages)
    lines = (await pagerctl("maintenance", "list")).out.splitlines()
    assert lines[0].split() == ["WINDOW", "WHEN", "BY", "SERVICES", "REASON"]
    assert lines[1].endswith("ana  a, b      new disks")
    assert "saturday, sunday at 02:30" in lines[2]
    pager.script.answers("ListMaintenanceWindows", *pages)
    document = json.loads((await pagerctl("maintenance", "list", "--json")).out)
    assert [window["maintenance_window_id"] for window in document] == ["w1", "w1"]


async def test_a_window_is_deleted_and_an_unknown_one_is_told(pagerctl, pager):
    unknown = Refusal(
        grpc.StatusCode.NOT_FOUND, "ERROR_REASON_MAINTENANCE_WINDOW_UNKNOWN", {"maintenance_window_id": "w9"}
    )
    pager.script.answers("DeleteMaintenanceWindow", pb.DeleteMaintenanceWindowResponse(), unknown)
    done = await pagerctl("maintenance", "delete", "w1")
    assert done.out == "maintenance window w1 is deleted: what it held is paged now\n"
    assert (await pagerctl("maintenance", "delete", "w9")).code == 1
