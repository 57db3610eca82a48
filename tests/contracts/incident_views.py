"""What every reader of incidents promises. A signer gives ``pager``: ``store``, ``outbox``, ``views``, ``advance``."""

import asyncio

import pytest
from builders import CHECKOUT, acknowledging, an_application, healing, raising

from pager_domain.errors import InvalidField
from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.events import IncidentId
from pager_domain.pager.model import IncidentState, ServiceState
from pager_domain.pager.ports.incident_views import WatchPosition


async def stream_of(views, position, number, page=10):
    """``number`` events after ``position``, read page by page.

    A transaction that still runs, also in another database of the same server, holds back what was committed after it
    began; so the reader comes back until all have been shown.
    """
    seen = []
    async with asyncio.timeout(20):
        while len(seen) < number:
            found = await views.events_since(seen[-1][0] if seen else position, page)
            seen += found
            if not found:
                await asyncio.sleep(0.01)
    return seen


class IncidentViewsContract:
    @pytest.fixture
    async def pager(self):
        raise NotImplementedError

    @pytest.fixture
    def application(self, pager):
        return an_application(pager.store, pager.outbox)

    async def test_what_nobody_stored_is_not_found(self, pager):
        assert await pager.views.service(CHECKOUT) is None
        assert await pager.views.incident(IncidentId("x")) is None
        assert await pager.views.services((), None, 10) == []
        assert await pager.views.incidents(CHECKOUT, (), None, 10) == []

    async def test_services_are_listed_by_code_point_page_by_page(self, pager, application):
        names = ["B", "a", "a-1", "a_1", "b", "ä"]
        await application.handle([raising(name) for name in reversed(names)])
        seen, after = [], None
        while page := await pager.views.services((), after, 2):
            seen += [service.monitored_service_id for service in page]
            after = MonitoredServiceId(seen[-1])
        assert seen == names

    async def test_services_are_chosen_by_their_state(self, pager, application):
        await application.handle([raising("a"), raising("b"), healing("b")])
        for states, names in (
            ({ServiceState.HEALTHY}, ["b"]),
            ({ServiceState.UNHEALTHY}, ["a"]),
            (set(ServiceState), ["a", "b"]),
            (set(), ["a", "b"]),
        ):
            assert [s.monitored_service_id for s in await pager.views.services(states, None, 10)] == names

    async def test_incidents_are_listed_the_newest_first_page_by_page_also_within_one_instant(self, pager, application):
        opened = []
        for round_ in range(3):
            answers = await application.handle([raising(f"{round_}-{n}") for n in range(3)])
            opened += [(a.incident.opened_at, a.incident.incident_id) for a in answers]
            await pager.advance(1)
        seen, before = [], None
        while page := await pager.views.incidents(None, (), before, 2):
            seen += [(incident.opened_at, incident.incident_id) for incident in page]
            before = seen[-1]
        assert seen == sorted(opened, reverse=True)

    async def test_incidents_are_chosen_by_service_and_state(self, pager, application):
        await application.handle(
            [raising("a"), raising("b"), raising("c"), acknowledging("b"), healing("c"), raising("c")]
        )
        for states, names in (
            ({IncidentState.OPEN}, ["a", "c"]),
            ({IncidentState.ACKNOWLEDGED}, ["b"]),
            ({IncidentState.RESOLVED, IncidentState.ACKNOWLEDGED}, ["b", "c"]),
        ):
            found = await pager.views.incidents(None, states, None, 10)
            assert sorted(i.monitored_service_id for i in found) == names
        of_c = await pager.views.incidents(MonitoredServiceId("c"), (), None, 10)
        assert sorted(i.state for i in of_c) == ["open", "resolved"]

    async def test_whoever_may_see_some_services_sees_those_alone_also_page_by_page(self, pager, application):
        await application.handle([raising(name) for name in ("a", "b", "c", "d")])
        await application.handle([healing("a"), raising("a")])
        mine = {MonitoredServiceId("a"), MonitoredServiceId("d"), MonitoredServiceId("nobody raised for it")}
        assert [s.monitored_service_id for s in await pager.views.services((), None, 10, mine)] == ["a", "d"]
        assert [s.monitored_service_id for s in await pager.views.services((), MonitoredServiceId("a"), 1, mine)] == [
            "d"
        ]
        seen, before = [], None
        while page := await pager.views.incidents(None, (), before, 1, mine):
            seen += [incident.monitored_service_id for incident in page]
            before = page[-1].opened_at, page[-1].incident_id
        assert sorted(seen) == ["a", "a", "d"]
        assert await pager.views.incidents(MonitoredServiceId("b"), (), None, 10, mine) == []

    async def test_a_timeline_is_read_page_by_page(self, pager, application):
        await application.handle([raising(message=f"alert {n}") for n in range(5)])
        [incident] = await pager.views.incidents(CHECKOUT, (), None, 1)
        first, rest = await pager.views.events(incident, 0, 3), await pager.views.events(incident, 3, 3)
        assert [event.sequence for event in [*first, *rest]] == [1, 2, 3, 4, 5]

    async def test_a_watcher_sees_what_comes_after_it_began_once_and_in_order(self, pager, application):
        position = await pager.views.watch_position()
        assert await pager.views.events_since(position, 10) == []
        await application.handle([raising(), raising(message="again"), raising("other")])
        await application.handle([acknowledging()])
        found = await stream_of(pager.views, position, 4, page=2)
        seen = [(event.monitored_service_id, event.sequence) for _, event in found]
        assert seen == [(CHECKOUT, 1), ("other", 1), (CHECKOUT, 2), (CHECKOUT, 3)]
        assert await pager.views.events_since(found[-1][0], 10) == []

    async def test_a_watcher_goes_on_after_the_last_event_it_saw(self, pager, application):
        began = await pager.views.watch_position()
        await application.handle([raising(message=f"alert {n}") for n in range(4)])
        everything = await stream_of(pager.views, began, 4)
        for place, (position, _) in enumerate(everything):
            assert await pager.views.events_since(position, 10) == everything[place + 1 :]

    @pytest.mark.parametrize("position", [WatchPosition(0, 2**62), WatchPosition(2**62, 0)])
    async def test_a_position_in_the_future_is_refused(self, pager, position):
        if position.transaction == 0:
            position = WatchPosition((await pager.views.watch_position()).transaction + 10**6, position.position)
        with pytest.raises(InvalidField) as refusal:
            await pager.views.events_since(position, 10)
        assert refusal.value.field == "resume_token"
