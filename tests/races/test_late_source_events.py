"""Fault row 49, as far as the contract goes: events count in the order in which they arrive.

``occur_time`` of an alert is kept word for word and decides nothing; MarkHealthy has none. So an old "healthy" that
arrives after a newer alert resolves it: a source that reorders its events must order them itself.
"""

from datetime import timedelta
from itertools import permutations

from builders import NOON, an_application, healing, raising
from races.observed import said

from pager_domain.pager.events import AlertRepeated, IncidentOpened

HAPPENED = ["alert 1", "healthy 2", "alert 3", "healthy 4", "alert 5"]
ORDERS = {f"service-{n:03}": order for n, order in enumerate(permutations(HAPPENED))}


def moment(what):
    """Later than everything the pager has seen, or earlier: its own clock says NOON."""
    return NOON + timedelta(hours=int(what[-1]) - 3)


def arriving(service, what, *, dated):
    if what.startswith("healthy"):
        return healing(service)
    return raising(service, message=what, occurred_at=moment(what) if dated else None)


async def test_in_all_orders_of_five_events_the_last_one_to_arrive_decides(pager):
    application = an_application(pager.store, pager.outbox)
    for n in range(5):
        await application.handle([arriving(service, order[n], dated=True) for service, order in ORDERS.items()])
    unhealthy = {r.incident.monitored_service_id for r in await pager.records() if r.is_current}
    assert unhealthy == {service for service, order in ORDERS.items() if order[-1].startswith("alert")}


async def test_when_it_happened_changes_no_answer(pager):
    application, answers = an_application(pager.store, pager.outbox), {}
    for dated in (True, False):
        batch = [arriving(f"{dated} {s}", what, dated=dated) for s, order in ORDERS.items() for what in order]
        # A healthy event that comes first would be refused alone: an alert anywhere in the batch begins its service.
        answers[dated] = [said(answer)[1:] for answer in await application.handle(batch)]
    assert answers[True] == answers[False]


async def test_when_it_happened_is_kept_with_every_alert(pager):
    application = an_application(pager.store, pager.outbox)
    await application.handle([arriving(s, what, dated=True) for s, order in ORDERS.items() for what in order])
    told = [event.what.alert for record in await pager.records() for event in record.events if _has_alert(event)]
    assert len(told) == 3 * len(ORDERS)
    assert all(alert.occurred_at == moment(alert.message) for alert in told)


def _has_alert(event):
    return isinstance(event.what, IncidentOpened | AlertRepeated)
