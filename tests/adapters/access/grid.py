"""Who may do what, as it was decided: written by hand, beside the tables in the code and not from them.

``yes``: may; ``own``: may, for the services of its key (``checkout``) or for its own person (``ana``); ``-``: may not.
The last column is what a caller of its own gets about a foreign object: NOT_FOUND as if it were not there,
PERMISSION_DENIED where it need not exist, ``hidden`` where a list leaves it out, ``alone`` where its neighbours go on.
"""

from dataclasses import dataclass

CALLERS = ("integration", "responder", "admin", "pager", "policy", "notifier", "nobody")

GRID = """
pager.v1.PagerService              integration responder admin pager policy notifier nobody   foreign
  RaiseAlert                       own         own       yes   -     -      -        -        PERMISSION_DENIED
  RaiseAlerts                      own         own       yes   -     -      -        -        alone
  Acknowledge                      -           own       yes   -     -      -        -        NOT_FOUND
  MarkHealthy                      own         own       yes   -     -      -        -        NOT_FOUND
  SnoozeIncident                   -           own       yes   -     -      -        -        NOT_FOUND
  EscalateIncident                 -           own       yes   -     -      -        -        NOT_FOUND
  ReassignIncident                 -           own       yes   -     -      -        -        NOT_FOUND
  CreateMaintenanceWindow          -           own       yes   -     -      -        -        PERMISSION_DENIED
  ListMaintenanceWindows           -           own       yes   -     -      -        -        hidden
  DeleteMaintenanceWindow          -           own       yes   -     -      -        -        NOT_FOUND
  GetMonitoredService              own         own       yes   -     -      -        -        NOT_FOUND
  ListMonitoredServices            own         own       yes   -     -      -        -        hidden
  GetIncident                      own         own       yes   -     -      -        -        NOT_FOUND
  ListIncidents                    own         own       yes   -     -      -        -        hidden
  ListIncidentEvents               -           own       yes   -     -      -        -        NOT_FOUND
  WatchIncidents                   -           own       yes   -     -      -        -        hidden
  PreviewEscalation                -           own       yes   -     -      -        -        PERMISSION_DENIED
policy.v1.PolicyService            integration responder admin pager policy notifier nobody   foreign
  CreateEscalationPolicy           -           -         yes   -     -      -        -        -
  GetEscalationPolicy              -           yes       yes   -     -      -        -        -
  ListEscalationPolicies           -           yes       yes   -     -      -        -        -
  UpdateEscalationPolicy           -           -         yes   -     -      -        -        -
  DeleteEscalationPolicy           -           -         yes   -     -      -        -        -
  ResolveEscalation                -           -         yes   yes   -      -        -        -
  BatchResolveEscalations          -           -         yes   yes   -      -        -        -
  CheckReachability                -           yes       yes   -     -      -        -        -
policy.v1.PeopleService            integration responder admin pager policy notifier nobody   foreign
  CreatePerson                     -           -         yes   -     -      -        -        -
  GetPerson                        -           own       yes   -     -      -        -        NOT_FOUND
  ListPeople                       -           -         yes   -     -      -        -        -
  UpdatePerson                     -           own       yes   -     -      -        -        NOT_FOUND
  DeletePerson                     -           -         yes   -     -      -        -        -
  SendVerificationCode             -           own       yes   -     -      -        -        NOT_FOUND
  VerifyContactMethod              -           own       yes   -     -      -        -        NOT_FOUND
policy.v1.ScheduleService          integration responder admin pager policy notifier nobody   foreign
  CreateSchedule                   -           -         yes   -     -      -        -        -
  GetSchedule                      -           yes       yes   -     -      -        -        -
  ListSchedules                    -           yes       yes   -     -      -        -        -
  UpdateSchedule                   -           -         yes   -     -      -        -        -
  DeleteSchedule                   -           -         yes   -     -      -        -        -
  CreateOverride                   -           -         yes   -     -      -        -        -
  DeleteOverride                   -           -         yes   -     -      -        -        -
  RequestShiftSwap                 -           own       yes   -     -      -        -        PERMISSION_DENIED
  AnswerShiftSwap                  -           own       yes   -     -      -        -        NOT_FOUND
  ListShifts                       -           yes       yes   -     -      -        -        -
  ListOnCall                       -           yes       yes   -     -      -        -        -
  ExportCalendar                   -           yes       yes   -     -      -        -        -
policy.v1.ConfigurationService     integration responder admin pager policy notifier nobody   foreign
  ApplyConfiguration               -           -         yes   -     -      -        -        -
notifier.v1.NotifierService        integration responder admin pager policy notifier nobody   foreign
  SendEmail                        -           -         -     yes   yes    -        -        -
  SendSms                          -           -         -     yes   yes    -        -        -
  SendMessages                     -           -         -     yes   -      -        -        -
  GetDelivery                      -           -         yes   -     -      -        -        -
  ListDeliveries                   -           -         yes   -     -      -        -        -
access.v1.AccessService            integration responder admin pager policy notifier nobody   foreign
  CreateApiKey                     -           -         yes   -     -      -        -        -
  ListApiKeys                      -           -         yes   -     -      -        -        -
  RevokeApiKey                     -           -         yes   -     -      -        -        -
status.v1.StatusService            integration responder admin pager policy notifier nobody   foreign
  GetStatus                        -           yes       yes   -     -      -        -        -
changes.v1.ChangeLogService        integration responder admin pager policy notifier nobody   foreign
  ListChangeRecords                -           -         yes   -     -      -        -        -
"""


@dataclass(frozen=True)
class Line:
    """One method: a cell a caller, and what is said about foreign objects."""

    method: str
    cells: dict[str, str]
    foreign: str


def lines():
    """The grid by the full names of the methods."""
    found, service = {}, ""
    for text in GRID.strip().splitlines():
        name, *cells, foreign = text.split()
        if not text.startswith(" "):
            assert (tuple(cells), foreign) == (CALLERS, "foreign")
            service = name
        else:
            method = f"/{service}/{name}"
            found[method] = Line(method, dict(zip(CALLERS, cells, strict=True)), foreign)
    return found
