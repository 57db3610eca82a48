"""What callers of the simulated world ask the pager for: one method and one request for each operation."""

from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

METHODS = {
    "raise": "RaiseAlert",
    "acknowledge": "Acknowledge",
    "healthy": "MarkHealthy",
    "snooze": "SnoozeIncident",
    "escalate": "EscalateIncident",
    "reassign": "ReassignIncident",
}
CHANGED = {"raise": "opened", "acknowledge": "acknowledged", "healthy": "resolved"}
"""The field of an answer that says whether anything changed; where there is none, it always did."""


def request(operation: str, service: str, request_id: str, policies: Sequence[str], dice: Random) -> Any:
    """The request; ``dice`` says how long a snooze is, and to which of ``policies`` an incident is given, or nobody."""
    common = {"monitored_service_id": service, "request_id": request_id}
    match operation:
        case "raise":
            severity = pb.Incident.Severity.values()[1 + (int(service[-1]) - 1) % 4]
            message = f"it is broken, says {request_id or 'somebody'}"
            return pb.RaiseAlertRequest(message=message, severity=severity, **common)
        case "acknowledge":
            return pb.AcknowledgeRequest(acknowledged_by="ana", **common)
        case "healthy":
            return pb.MarkHealthyRequest(**common)
        case "snooze":
            return pb.SnoozeIncidentRequest(snoozed_by="ana", duration=Duration(seconds=dice.randint(60, 90)), **common)
        case "escalate":
            return pb.EscalateIncidentRequest(escalated_by="ana", **common)
        case _:
            return pb.ReassignIncidentRequest(reassigned_by="ana", assigned_to=_assignee(policies, dice), **common)


def _assignee(policies: Sequence[str], dice: Random) -> pb.Assignee:
    """One of ``policies``, or a policy or a person whom nobody knows."""
    nobody = [pb.Assignee(policy_id="nowhere"), pb.Assignee(person_id="nobody")]
    return dice.choice([*(pb.Assignee(policy_id=policy) for policy in policies), *nobody])


def many_alerts(name: str, services: Sequence[str], dice: Random) -> pb.RaiseAlertsRequest:
    """One message; alerts about the same service are equal, and so one line of its timeline."""
    return pb.RaiseAlertsRequest(
        alerts=[
            pb.RaiseAlertRequest(
                monitored_service_id=service, message=f"it burns, says {name}", request_id=f"{name}-{n}"
            )
            for n, service in enumerate(dice.choices(services, k=dice.randint(1, 6)))
        ]
    )


def a_window(services: Sequence[str], now: float, request_id: str, dice: Random) -> pb.CreateMaintenanceWindowRequest:
    """Of some services, from now or soon, for 60 to 90 seconds."""
    start = now + dice.choice([0, 0, dice.uniform(0, 10)])
    window = pb.MaintenanceWindow(
        monitored_service_ids=sorted(dice.sample(services, dice.randint(1, len(services)))),
        reason="new disks",
        created_by="ana",
        one_off=pb.MaintenanceWindow.OneOff(
            start_time=_timestamp(start), end_time=_timestamp(start + dice.uniform(61, 90))
        ),
    )
    return pb.CreateMaintenanceWindowRequest(maintenance_window=window, request_id=request_id)


def _timestamp(moment: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime.fromtimestamp(moment, UTC))
    return stamp
