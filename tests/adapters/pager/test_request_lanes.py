"""Answers are put into words while they are being committed, and nobody gets them before they are durable."""

import asyncio
import sqlite3
from contextlib import asynccontextmanager

import pytest
from adapters.pager.stored_pager import stored_pager
from builders import an_application, raising
from sqlalchemy.exc import DBAPIError

from pager_domain.errors import StoreUnavailable
from pager_grpc.pager.measured import Measured
from pager_grpc.pager.monitored_services_forwarded import ForwardedMonitoredServices, ForwardedUnitOfWork
from pager_grpc.pager.request_lanes import request_lanes
from pager_grpc.runtime.metrics import Metrics
from pager_grpc.runtime.supervision import running


class GatedStore(ForwardedMonitoredServices):
    """Commits wait while ``gate`` is closed; while there are ``faults`` each raises the next of them instead."""

    def __init__(self, store):
        super().__init__(store)
        self.gate, self.committing, self.faults = asyncio.Event(), asyncio.Event(), []
        self.gate.set()

    def seen(self, work):
        return GatedUnitOfWork(work, self)


class GatedUnitOfWork(ForwardedUnitOfWork):
    def __init__(self, work, store):
        super().__init__(work)
        self._store = store

    async def commit(self):
        self._store.committing.set()
        await self._store.gate.wait()
        if self._store.faults:
            raise self._store.faults.pop(0)
        await super().commit()


LOST = DBAPIError.instance("COMMIT", None, sqlite3.OperationalError("database is locked"), sqlite3.Error)


@asynccontextmanager
async def gated(url):
    async with stored_pager(url) as pager:
        store = GatedStore(pager.store)
        application = an_application(store, pager.outbox)
        lanes = request_lanes(application, pager.database, None, Measured(Metrics(), []))
        async with running(lanes.alerts.run()):
            yield store, lanes.alerts, pager


@pytest.fixture
def url(tmp_path):
    return f"sqlite+aiosqlite:///{tmp_path / 'pager.db'}"


async def turns(number):
    for _ in range(number):
        await asyncio.sleep(0)


async def test_words_are_found_while_the_commit_is_under_way_and_given_when_it_stands(url):
    async with gated(url) as (store, lane, pager):
        worded = []

        def respond(answer):
            worded.append(answer.incident.incident_id)
            return f"opened {answer.incident.incident_id}"

        store.gate.clear()
        asked = asyncio.create_task(lane.answered(raising(), respond))
        await store.committing.wait()
        await turns(3)
        assert (len(worded), asked.done()) == (1, False)
        store.gate.set()
        answer, response = await asked
        [stored] = await pager.execute("SELECT incident_id FROM incidents")
        assert (response, worded) == (f"opened {stored['incident_id']}", [answer.incident.incident_id])


async def test_a_commit_that_lost_and_is_tried_again_gives_the_words_of_the_one_that_stands(url):
    async with gated(url) as (store, lane, pager):
        store.faults = [LOST]
        _, response = await lane.answered(raising(), lambda answer: answer.incident.incident_id)
        [stored] = await pager.execute("SELECT incident_id FROM incidents")
        assert response == stored["incident_id"]


async def test_words_of_a_try_that_lost_are_never_given(url):
    async with gated(url) as (store, lane, _):
        store.faults, worded = [LOST], []

        def respond(answer):
            worded.append(answer)
            assert len(worded) < 2, "no more words"
            return answer.incident.incident_id

        with pytest.raises(AssertionError, match="no more words"):
            await lane.answered(raising(), respond)


async def test_words_of_a_commit_that_failed_are_given_to_nobody(url):
    async with gated(url) as (store, lane, _):
        store.faults = [StoreUnavailable()]
        worded = []
        with pytest.raises(StoreUnavailable):
            await lane.answered(raising(), worded.append)
        assert len(worded) == 1


async def test_who_cannot_be_answered_fails_alone(url):
    async with gated(url) as (_, lane, _):
        ends = await asyncio.gather(
            lane.answered(raising("a"), lambda answer: answer.alert_count / 0),
            lane.answered(raising("b"), lambda answer: answer.service.monitored_service_id),
            return_exceptions=True,
        )
        assert isinstance(ends[0], ZeroDivisionError)
        assert ends[1][1] == "b"


async def test_who_needs_the_answer_alone_gets_it(url):
    async with gated(url) as (_, lane, _):
        one, [two] = await lane.submit(raising("a")), await lane.submit_all([raising("b")])
        assert [one.service.monitored_service_id, two.service.monitored_service_id] == ["a", "b"]
