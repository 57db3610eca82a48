"""A page that was refused for good is no reason to wait: the next way to the same person is tried at once."""

from collections import Counter
from collections.abc import Iterable

from pager_domain.kernel import TargetId
from pager_domain.pager.events import IncidentId
from pager_domain.pager.notification import Notification

Addressee = tuple[IncidentId, int, int, TargetId, str]
"""Incident, cycle, level, target and person."""


def owed_at_once(refused: Iterable[Notification], not_due: Iterable[Notification]) -> list[Notification]:
    """Which of the pages that are ``not_due`` yet are due now: for each refusal the next of the same target and level.

    Pages that are due already are being tried anyway.
    """
    refusals = Counter(map(_addressee, refused))
    pages = []
    for page in sorted(not_due, key=lambda page: (page.delay, page.notification_id)):
        if refusals[_addressee(page)] > 0:
            refusals[_addressee(page)] -= 1
            pages.append(page)
    return pages


def _addressee(page: Notification) -> Addressee:
    return page.incident_id, page.cycle, page.level, page.target.target_id, page.person_id
