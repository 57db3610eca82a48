"""The words of a bundle: each page of it is named, or counted where there is no room for names."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import accumulate

from pager_domain.pager.events import MOST_SEVERE_FIRST
from pager_domain.pager.notification import Bundle, Notification
from pager_domain.pager.page_text import MAX_BODY_BYTES, MAX_SMS_CHARACTERS, cut_for_sms
from pager_domain.pager.targets import Channel

_ADVICE = """
To see them all:
  pagerctl incidents
To acknowledge one, so that nobody else is paged for it:
  pagerctl ack SERVICE --by YOU
"""
_SMS_ADVICE = " | see: pagerctl incidents"
_LONGEST_NAME = 60
_MAX_NAMES_IN_SUBJECT = 120


def bundled(pages: Iterable[Notification], now: datetime) -> Bundle:
    """One message for ``pages``, which are all for one recipient.

    It tells the time, so that no two to one recipient are the same: some gateways drop what they take for a repeat.
    """
    ordered = sorted(pages, key=lambda page: MOST_SEVERE_FIRST.index(page.severity))
    if ordered[0].channel is Channel.SMS:
        start = f"{len(ordered)} PAGES {now:%H:%M:%S} UTC ({_severities(ordered)}): "
        room = MAX_SMS_CHARACTERS - len(start) - len(_SMS_ADVICE)
        return Bundle(tuple(ordered), "", start + _named(ordered, room) + _SMS_ADVICE)
    subject = f"[{ordered[0].severity.upper()}] {len(ordered)} pages: {_named(ordered, _MAX_NAMES_IN_SUBJECT)}"
    return Bundle(tuple(ordered), subject, _email_body(ordered, now))


def _email_body(pages: Sequence[Notification], now: datetime) -> str:
    start = f"{len(pages)} pages for you, in one message because there are so many ({_severities(pages)}).\n"
    start += f"Paged: {now:%Y-%m-%d %H:%M:%S} UTC\n\n"
    lines = [f"{page.subject}\n    level {page.level}, incident {page.incident_id}\n" for page in pages]
    room = MAX_BODY_BYTES - len(start.encode()) - len(_ADVICE.encode()) - len("and 1000 more\n")
    fits, used = 0, 0
    while fits < len(lines) and (used := used + len(lines[fits].encode())) <= room:
        fits += 1
    rest = f"and {len(lines) - fits} more\n" if fits < len(lines) else ""
    return start + "".join(lines[:fits]) + rest + _ADVICE


def _severities(pages: Sequence[Notification]) -> str:
    counts = Counter(page.severity for page in pages)
    return ", ".join(f"{counts[severity]} {severity}" for severity in MOST_SEVERE_FIRST if counts[severity])


def _named(pages: Sequence[Notification], room: int) -> str:
    """The services, as many as ``room`` characters take, and how many are left."""
    names = [cut_for_sms(name, _LONGEST_NAME) for name in dict.fromkeys(page.monitored_service_id for page in pages)]
    # Joined once: whoever joins a thousand names once for each of them holds up the event loop for 40 ms.
    lengths = [length - len(", ") for length in accumulate(len(name) + len(", ") for name in names)]
    for shown in range(len(names), 0, -1):
        rest = f" and {len(names) - shown} more" if shown < len(names) else ""
        if lengths[shown - 1] + len(rest) <= room:
            return ", ".join(names[:shown]) + rest
    return f"{len(names)} services"
