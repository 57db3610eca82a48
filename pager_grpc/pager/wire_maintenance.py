"""Maintenance windows on the wire. Pure."""

import re
from datetime import time

from google.protobuf.duration_pb2 import Duration

from pager_domain.errors import InvalidField
from pager_domain.kernel import MonitoredServiceId, checked_id
from pager_domain.pager.maintenance import MaintenanceWindow, MaintenanceWindowId, OneOff, Recurring
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.pager.wire import moment_of, timestamp_pb
from pager_grpc.pager.wire_interventions import span_of

_DAYS: dict[int, pb.MaintenanceWindow.Recurring.Day.ValueType] = {
    int(value): value for value in pb.MaintenanceWindow.Recurring.Day.values()
}
_LOCAL_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def window_of(message: pb.MaintenanceWindow, window_id: str) -> MaintenanceWindow:
    """A window with an id of its own.

    Raises:
        InvalidField: a field is malformed or over its limit; its path begins with ``maintenance_window``.
    """
    try:
        return MaintenanceWindow(
            MaintenanceWindowId(window_id),
            tuple(map(MonitoredServiceId, message.monitored_service_ids)),
            _schedule_of(message),
            message.created_by,
            message.reason,
        )
    except InvalidField as error:
        raise InvalidField(f"maintenance_window.{error.field}", error.limit) from error


def window_pb(window: MaintenanceWindow) -> pb.MaintenanceWindow:
    """A window."""
    message = pb.MaintenanceWindow(
        maintenance_window_id=window.window_id,
        monitored_service_ids=window.services,
        reason=window.reason,
        created_by=window.created_by,
    )
    if isinstance(window.when, OneOff):
        one_off = pb.MaintenanceWindow.OneOff(
            start_time=timestamp_pb(window.when.start), end_time=timestamp_pb(window.when.end)
        )
        message.one_off.CopyFrom(one_off)
    else:
        message.recurring.CopyFrom(_recurring_pb(window.when))
    return message


def request_id_of(value: str) -> str:
    """A checked request id, or none."""
    return checked_id("request_id", value) if value else ""


def _schedule_of(message: pb.MaintenanceWindow) -> OneOff | Recurring:
    kind = message.WhichOneof("schedule")
    if kind is None:
        raise InvalidField("one_off", "is required, or recurring")
    try:
        return _one_off_of(message.one_off) if kind == "one_off" else _recurring_of(message.recurring)
    except InvalidField as error:
        raise InvalidField(f"{kind}.{error.field}", error.limit) from error


def _one_off_of(message: pb.MaintenanceWindow.OneOff) -> OneOff:
    return OneOff(moment_of("start_time", message.start_time), moment_of("end_time", message.end_time))


def _recurring_of(message: pb.MaintenanceWindow.Recurring) -> Recurring:
    written = _LOCAL_TIME.fullmatch(message.start_local_time)
    if written is None:
        raise InvalidField("start_local_time", "must be a local time like 02:30")
    start = time(int(written[1]), int(written[2]))
    length = span_of("length", message.length)
    return Recurring(start, length, message.time_zone, frozenset(message.days))


def _recurring_pb(when: Recurring) -> pb.MaintenanceWindow.Recurring:
    length = Duration()
    length.FromTimedelta(when.length)
    days = [_DAYS[day] for day in sorted(when.days)]
    return pb.MaintenanceWindow.Recurring(
        time_zone=when.time_zone, start_local_time=when.start.strftime("%H:%M"), length=length, days=days
    )
