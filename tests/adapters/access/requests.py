"""A request for every method, about an object of the caller's own or about a foreign one. Field names of the protos."""

_AT = {"start_time": "2030-01-01T00:00:00Z", "end_time": "2030-01-02T00:00:00Z"}


def about(things):
    """The requests by method; ``things`` has service, incident, window, person, other and swap."""
    service = {"monitored_service_id": things["service"]}
    person = {"person_id": things["person"]}
    method_of_person = person | {"contact_method_id": "mail"}
    target = {"target_id": "t", "email": {"email_address": "t@example.com"}}
    policy = {"policy_id": "p", "levels": [{"targets": [target]}]}
    mail = {"email_address": "a@example.com", "subject": "s", "text_body": "t", "request_id": "r1"}
    override = {"override_id": "o", "add": {"person_id": "ben"}, **_AT}
    swap = {"shift_swap_id": "new", "from_person_id": things["person"], "to_person_id": things["other"], **_AT}
    window = {"monitored_service_ids": [things["service"]], "one_off": _AT, "created_by": "ana"}
    return {
        "RaiseAlert": service | {"message": "down"},
        "RaiseAlerts": {
            "alerts": [service | {"message": "down"}, {"monitored_service_id": "checkout", "message": "x"}]
        },
        "Acknowledge": service | {"acknowledged_by": "ana"},
        "MarkHealthy": service,
        "SnoozeIncident": service | {"snoozed_by": "ana", "duration": "600s"},
        "EscalateIncident": service | {"escalated_by": "ana"},
        "ReassignIncident": service | {"reassigned_by": "ana", "assigned_to": {"person_id": "ana"}},
        "CreateMaintenanceWindow": {"maintenance_window": window},
        "DeleteMaintenanceWindow": {"maintenance_window_id": things["window"]},
        "GetMonitoredService": service,
        "GetIncident": {"incident_id": things["incident"]},
        "ListIncidentEvents": {"incident_id": things["incident"]},
        "PreviewEscalation": service,
        "CreateEscalationPolicy": {"escalation_policy": policy},
        "GetEscalationPolicy": {"policy_id": "p"},
        "UpdateEscalationPolicy": {"escalation_policy": policy, "etag": "old"},
        "DeleteEscalationPolicy": {"policy_id": "p", "etag": "old"},
        "ResolveEscalation": service,
        "BatchResolveEscalations": {"requests": [service]},
        "CreatePerson": {"person": {"person_id": "cem"}},
        "GetPerson": person,
        "UpdatePerson": {"person": person, "etag": "old"},
        "DeletePerson": {"person_id": "cem", "etag": "old"},
        "SendVerificationCode": method_of_person,
        "VerifyContactMethod": method_of_person | {"code": "123456"},
        "CreateSchedule": {"schedule": a_schedule("nights")},
        "GetSchedule": {"schedule_id": "shop"},
        "UpdateSchedule": {"schedule": a_schedule("nights"), "etag": "old"},
        "DeleteSchedule": {"schedule_id": "nights", "etag": "old"},
        "CreateOverride": {"schedule_id": "shop", "override": override},
        "DeleteOverride": {"schedule_id": "shop", "override_id": "nothing"},
        "RequestShiftSwap": {"schedule_id": "shop", "shift_swap": swap},
        "AnswerShiftSwap": {"schedule_id": "shop", "shift_swap_id": things["swap"], "answer": "STATE_DECLINED"},
        "ListShifts": {"schedule_id": "shop"},
        "ExportCalendar": {"schedule_id": "shop"},
        "SendEmail": mail,
        "SendSms": {"phone_number": "+4915112345678", "text": "t", "request_id": "r2"},
        "SendMessages": {"messages": [{"email": mail | {"request_id": "r3"}}]},
        "GetDelivery": {"delivery_id": "nothing"},
        "CreateApiKey": {
            "api_key": {"api_key_id": "made", "name": "n", "role": "ROLE_ADMIN"},
            "secret_hash": "A" * 43 + "=",
        },
        "RevokeApiKey": {"api_key_id": "nothing"},
    }


ASKS_FOR_NOTHING = {
    "ListMaintenanceWindows",
    "ListMonitoredServices",
    "ListIncidents",
    "WatchIncidents",
    "ListEscalationPolicies",
    "CheckReachability",
    "ListPeople",
    "ListSchedules",
    "ListOnCall",
    "ApplyConfiguration",
    "ListDeliveries",
    "ListApiKeys",
    "GetStatus",
    "ListChangeRecords",
}
"""Methods whose empty request makes sense."""


def a_schedule(schedule_id):
    """Ben is always on call."""
    rotation = {"person_ids": ["ben"], "unit": "UNIT_WEEK", "start_local_time": "2026-01-05T00:00"}
    return {"schedule_id": schedule_id, "time_zone": "UTC", "layers": [{"layer_id": "l", "rotation": rotation}]}
