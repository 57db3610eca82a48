"""Maintenance windows over a real channel."""

import time

import grpc
from adapters.pager.running import kinds, lines
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pager_grpc.gen.changes.v1 import change_log_service_pb2 as changes_pb
from pager_grpc.gen.changes.v1.change_log_service_pb2_grpc import ChangeLogServiceStub
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

Window = pb.MaintenanceWindow


def in_seconds(seconds):
    return Timestamp(seconds=int(time.time()) + seconds)


def once(start=-60, end=3600):
    return Window.OneOff(start_time=in_seconds(start), end_time=in_seconds(end))


def again(**changes):
    fields = {"time_zone": "Europe/Berlin", "start_local_time": "02:30", "length": Duration(seconds=3600)}
    return Window.Recurring(**fields | changes)


def creating(request_id="", **changes):
    fields = {"monitored_service_ids": ["checkout"], "created_by": "ana", "reason": "new disks"} | changes
    if not {"one_off", "recurring"} & fields.keys():
        fields["one_off"] = once()
    return pb.CreateMaintenanceWindowRequest(maintenance_window=Window(**fields), request_id=request_id)


def deleting(window_id):
    return pb.DeleteMaintenanceWindowRequest(maintenance_window_id=window_id)


BAD_WINDOWS = [
    (creating(monitored_service_ids=[]), "maintenance_window.monitored_service_ids"),
    (creating(monitored_service_ids=["a", ""]), "maintenance_window.monitored_service_ids[1]"),
    (creating(monitored_service_ids=["a", "a"]), "maintenance_window.monitored_service_ids"),
    (creating(created_by=""), "maintenance_window.created_by"),
    (creating(reason="x" * 1025), "maintenance_window.reason"),
    (creating(one_off=None), "maintenance_window.one_off"),
    (creating(one_off=once(start=0, end=30)), "maintenance_window.one_off.end_time"),
    (creating(one_off=once(start=-7200, end=-3600)), "maintenance_window.one_off.end_time"),
    (creating(one_off=Window.OneOff(start_time=Timestamp(seconds=2**60))), "maintenance_window.one_off.start_time"),
    (creating(recurring=again(time_zone="Nowhere")), "maintenance_window.recurring.time_zone"),
    (creating(recurring=again(start_local_time="25:00")), "maintenance_window.recurring.start_local_time"),
    (creating(recurring=again(length=Duration(seconds=1))), "maintenance_window.recurring.length"),
    (creating(recurring=again(days=[0])), "maintenance_window.recurring.days"),
    (creating("x" * 256), "request_id"),
]


async def listed(caller):
    return list((await caller.stub.ListMaintenanceWindows(pb.ListMaintenanceWindowsRequest())).maintenance_windows)


async def test_a_bad_field_is_named_with_its_limit_and_nothing_is_stored(caller):
    for request, field in BAD_WINDOWS:
        fault = await caller.refused(caller.stub.CreateMaintenanceWindow(request))
        assert (fault.code, fault.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_FIELD"), field
        assert fault.metadata["field"] == field
        assert fault.metadata["limit"]
    assert await listed(caller) == []


async def test_while_a_window_lasts_an_alert_is_held_and_a_deletion_pages_at_once(caller):
    window = (await caller.stub.CreateMaintenanceWindow(creating("r"))).maintenance_window
    assert (
        await caller.stub.CreateMaintenanceWindow(creating("r", one_off=window.one_off))
    ).maintenance_window == window
    assert await listed(caller) == [window]
    answer = await caller.alert()
    assert answer.opened
    incident_id = answer.incident.incident_id
    [held] = lines(await caller.until_line(incident_id, "held"), "held")
    assert (held.maintenance_window_id, held.hold_end_time) == (window.maintenance_window_id, window.one_off.end_time)
    incident = await caller.incident(incident_id)
    assert (incident.hold_end_time, incident.maintenance_window_id) == (held.hold_end_time, held.maintenance_window_id)
    assert not caller.notifier.sent
    await caller.stub.DeleteMaintenanceWindow(deleting(window.maintenance_window_id))
    timeline = await caller.until_line(incident_id, "notification_settled", times=2)
    assert kinds(timeline)[:4] == ["opened", "held", "released", "level_notified"]
    assert await listed(caller) == []


async def test_a_window_that_starts_stops_paging_that_is_under_way(caller):
    incident_id = (await caller.alert()).incident.incident_id
    await caller.until_line(incident_id, "notification_settled", times=2)
    await caller.stub.CreateMaintenanceWindow(creating())
    await caller.until_line(incident_id, "held")
    incident = await caller.incident(incident_id)
    assert incident.next_escalation_time == incident.hold_end_time


async def test_a_recurring_window_is_told_as_it_was_said_and_an_unknown_one_is_not_found(caller):
    weekly = again(days=[Window.Recurring.DAY_SATURDAY, Window.Recurring.DAY_SUNDAY])
    window = (await caller.stub.CreateMaintenanceWindow(creating(recurring=weekly))).maintenance_window
    assert window.recurring == weekly
    assert await listed(caller) == [window]
    fault = await caller.refused(caller.stub.DeleteMaintenanceWindow(deleting("nobody")))
    assert (fault.code, fault.metadata) == (grpc.StatusCode.NOT_FOUND, {"maintenance_window_id": "nobody"})


async def test_a_window_that_is_made_and_deleted_is_recorded_once_each(caller):
    created = creating(request_id="w-1")
    window_id = (await caller.stub.CreateMaintenanceWindow(created)).maintenance_window.maintenance_window_id
    await caller.stub.CreateMaintenanceWindow(created)
    for _ in range(2):
        await caller.stub.DeleteMaintenanceWindow(deleting(window_id))
    asked = changes_pb.ListChangeRecordsRequest(object_id=window_id)
    answer = await ChangeLogServiceStub(caller.channel).ListChangeRecords(asked)
    ended, made = answer.change_records
    assert (made.request_id, made.after["reason"]) == ("w-1", "new disks")
    assert (ended.before["reason"], ended.HasField("after")) == ("new disks", False)
    assert made.object_kind == changes_pb.OBJECT_KIND_MAINTENANCE_WINDOW
