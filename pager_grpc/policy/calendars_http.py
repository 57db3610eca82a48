"""Calendars that calendar programs subscribe to: ``/schedules/ID.ics`` and ``/people/ID.ics`` over HTTP."""

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pager_domain.errors import InvalidField, StoreUnavailable
from pager_domain.kernel import checked_id
from pager_domain.policy.errors import PersonUnknown, ScheduleUnknown
from pager_domain.policy.on_call_application import Calendar, OnCallApplicationService
from pager_domain.policy.people import PersonId
from pager_domain.policy.schedules import ScheduleId
from pager_grpc.policy.calendar_ical import calendar_text
from pager_grpc.runtime.pages_http import NoPage, Page, serving_pages

if TYPE_CHECKING:
    from pager_grpc.runtime.tls import Tls

_CALENDAR = "text/calendar; charset=utf-8"
_ENDING = ".ics"
_ELSEWHERE = NoPage("The calendars are at /schedules/ID.ics and /people/ID.ics.")


def serving_calendars(
    on_call: OnCallApplicationService, listen: str, tls: "Tls | None" = None
) -> AbstractAsyncContextManager[int]:
    """Serves at ``listen`` (host:port; port 0 takes any) while it is entered and yields the port.

    Over HTTPS with ``tls``.

    Raises:
        ConfigurationFault: the address cannot be opened.
    """

    async def pages(path: str) -> Page | NoPage:
        try:
            calendar = await _calendar(on_call, path)
        except (ScheduleUnknown, PersonUnknown) as unknown:
            return NoPage(str(unknown))
        except (InvalidField, UnicodeDecodeError):
            return _ELSEWHERE
        except StoreUnavailable:
            return NoPage("The database cannot be reached; ask again later.", "503 Service Unavailable")
        return _ELSEWHERE if calendar is None else Page(_CALENDAR, (await calendar_text(calendar)).encode())

    return serving_pages(pages, listen, "calendars", tls)


async def _calendar(on_call: OnCallApplicationService, path: str) -> Calendar | None:
    _, _, rest = path.partition("/")
    kind, _, name = rest.partition("/")
    if not name.endswith(_ENDING):
        return None
    entry_id = checked_id("id", unquote(name.removesuffix(_ENDING), errors="strict"))
    if kind == "schedules":
        return await on_call.calendar_of_schedule(ScheduleId(entry_id))
    return await on_call.calendar_of_person(PersonId(entry_id)) if kind == "people" else None
