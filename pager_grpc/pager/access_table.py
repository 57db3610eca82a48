"""Who may call the pager: integrations raise and resolve, responders answer, each for its own services."""

from typing import Final

from pager_domain.access.principal import Role, Verb
from pager_domain.access.rules import Rule
from pager_domain.pager.errors import MonitoredServiceUnknown
from pager_grpc.access.table import AccessTable, Row, rows_of

_SERVICE: Final = "monitored_service_id"
_ANYBODY: Final = frozenset({Role.INTEGRATION, Role.RESPONDER, Role.ADMIN})
_PEOPLE: Final = frozenset({Role.RESPONDER, Role.ADMIN})


def _response(by: str) -> Row:
    return Row(Rule(Verb.RESPOND, _PEOPLE), services=_SERVICE, by=by, unknown=MonitoredServiceUnknown)


# Lists and what is found by another id than that of a service are cut to the caller's services by the servicer.
_READ: Final = Row(Rule(Verb.READ, _ANYBODY))
# A timeline names people, so integrations do not read it.
_READ_OF_PEOPLE: Final = Row(Rule(Verb.READ, _PEOPLE))

ACCESS: Final[AccessTable] = rows_of(
    "pager.v1.PagerService",
    {
        "RaiseAlert": Row(Rule(Verb.RAISE, _ANYBODY), services=_SERVICE),
        "RaiseAlerts": Row(Rule(Verb.RAISE, _ANYBODY)),
        "Acknowledge": _response("acknowledged_by"),
        "MarkHealthy": Row(Rule(Verb.RESOLVE, _ANYBODY), services=_SERVICE, unknown=MonitoredServiceUnknown),
        "SnoozeIncident": _response("snoozed_by"),
        "EscalateIncident": _response("escalated_by"),
        "ReassignIncident": _response("reassigned_by"),
        "CreateMaintenanceWindow": Row(
            Rule(Verb.MAINTAIN, _PEOPLE),
            services="maintenance_window.monitored_service_ids",
            by="maintenance_window.created_by",
        ),
        "ListMaintenanceWindows": _READ_OF_PEOPLE,
        "DeleteMaintenanceWindow": Row(Rule(Verb.MAINTAIN, _PEOPLE)),
        "GetMonitoredService": Row(Rule(Verb.READ, _ANYBODY), services=_SERVICE, unknown=MonitoredServiceUnknown),
        "ListMonitoredServices": _READ,
        "GetIncident": _READ,
        "ListIncidents": _READ,
        "ListIncidentEvents": _READ_OF_PEOPLE,
        "WatchIncidents": _READ_OF_PEOPLE,
        "PreviewEscalation": Row(Rule(Verb.READ, _PEOPLE), services=_SERVICE),
    },
)
