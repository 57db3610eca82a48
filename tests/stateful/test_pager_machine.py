"""The whole pager against the reference, on the fakes and on every database."""

import asyncio
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from itertools import cycle
from uuid import uuid4

import pytest
from adapters.pager.stored_pager import stored_pager
from builders import acknowledging, an_application, healing, numbered_ids, raising
from databases import a_postgres_database
from fakes.escalation_policies import DOWN, FakeEscalationPolicies
from fakes.pager import fake_pager
from fakes.senders import FakeSenders
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from races.observed import POLICY, expected_states, pages, said, states, unresolved
from races.reference import Reference

from pager_domain.pager.audit import violations
from pager_domain.pager.events import Outcome
from pager_domain.pager.ports.email_sender import NotNow, Refused
from pager_domain.pager.ports.notification_outbox import Settled
from pager_domain.pager.storm import Pace

SERVICES = st.sampled_from(["a", "b"])
EXAMPLES = {"fake": (150, 40), "sqlite": (10, 25), "postgresql": (4, 25), "serializable": (2, 25)}
"""How many examples of how many steps: a database is made anew for each."""


PACE = Pace(burst=1, interval=timedelta(seconds=30))
"""So little that a few pages are a storm."""


def paged(records):
    """The pages of all incidents."""
    return [page for record in records for page in record.pages]


class PagerMachine(RuleBasedStateMachine):
    """Raises, answers, lets time pass and breaks the neighbours; the reference is told the same."""

    def __init__(self, place):
        super().__init__()
        self.model, self.loop, self.place = Reference(), asyncio.new_event_loop(), place()
        self.opened = self.place.__enter__()
        self.pager = self.do(self.opened.__aenter__())
        self.policies, self.senders, self.ids = FakeEscalationPolicies(POLICY), FakeSenders(), numbered_ids()
        stores, outboxes = self.pager.stores(2), [self.pager.outbox_with(PACE, replica) for replica in range(2)]
        self.replicas = cycle(self.replica(store, outbox) for (_, store), outbox in zip(stores, outboxes, strict=True))

    def replica(self, store, outbox):
        return an_application(store, outbox, self.policies, self.senders, self.ids)

    @property
    def application(self):
        return next(self.replicas)

    def do(self, call):
        return self.loop.run_until_complete(call)

    def records(self):
        return self.do(self.pager.records())

    @rule(service=SERVICES, times=st.integers(1, 3))
    def alerts(self, service, times):
        answers = self.do(self.application.handle([raising(service)] * times))
        assert [said(answer) for answer in answers] == [self.model.alert(service) for _ in range(times)]

    @rule(service=SERVICES)
    def acknowledged(self, service):
        [answer] = self.do(self.application.handle([acknowledging(service)]))
        assert said(answer) == self.model.acknowledge(service)

    @rule(service=SERVICES)
    def healthy(self, service):
        [answer] = self.do(self.application.handle([healing(service)]))
        assert said(answer) == self.model.healthy(service)

    @rule(service=SERVICES)
    def fails_and_is_mended_in_one_batch(self, service):
        answers = self.do(self.application.handle([healing(service), raising(service), raising(service)]))
        # An alert anywhere in a batch begins a service, before the first request of the batch is answered.
        self.model.heard.add(service)
        expected = [self.model.healthy(service), self.model.alert(service), self.model.alert(service)]
        assert [said(answer) for answer in answers] == expected

    @rule(seconds=st.sampled_from([0, 10, 30, 59, 60, 61, 900]))
    def time_passes(self, seconds):
        self.do(self.pager.advance(seconds))
        self.model.now += seconds
        for _ in range(4):  # each replica twice: what it has opened itself goes before what the clock has made due
            self.do(self.application.escalate_due(100))
        self.model.fire()

    @rule()
    def policy_goes_down(self):
        self.policies.fault, self.model.down = DOWN, True

    @rule()
    def policy_comes_back(self):
        self.policies.fault, self.model.down = None, False

    @rule(service=SERVICES, seconds=st.sampled_from([0, 9, 10, 30, 900]))
    def policy_is_away_when_it_is_needed(self, service, seconds):
        self.policy_goes_down()
        self.alerts(service, 1)
        self.time_passes(0)
        self.policy_comes_back()
        self.time_passes(seconds)

    @rule(answers=st.lists(st.sampled_from([NotNow("busy", timedelta(seconds=5)), Refused("no")]), max_size=3))
    def pages_are_delivered(self, answers):
        self.senders.answers = list(answers)
        claims = self.do(self.application.claim_due(100))
        results = [self.do(self.application.attempt(claim)) for claim in claims]
        self.do(self.application.record(results))
        for end in (end for result in results if isinstance(result, Settled) for end in result.events):
            incident_id = end.notification_id.rsplit("-", 3)[0]
            handed_off = end.outcome in (Outcome.HANDED_OFF, Outcome.MERGED)
            self.model.page_ended(incident_id, end.cycle, end.level, handed_off=handed_off)

    @rule()
    def a_delivery_dies_with_its_pages_in_hand(self):
        self.do(self.application.claim_due(2))

    @precondition(lambda self: self.model.pages)
    @rule()
    def in_the_end_every_page_is_settled(self):
        for _ in range(4):
            self.do(self.pager.advance(30))
            self.model.now += 30
            self.pages_are_delivered([])
        assert all(page.outcome is not None for page in paged(self.records()))
        self.time_passes(0)

    @invariant()
    def what_is_stored_is_what_should_be(self):
        records = self.records()
        assert states(records) == expected_states(self.model)
        assert unresolved(records) == self.model.open
        assert pages(records) == self.model.pages
        assert set(self.model.pages.values()) <= {1}
        assert [str(violation) for record in records for violation in violations(record)] == []
        assert len(self.senders.texts) == sum(self.senders.sent.values())
        assert set(self.senders.texts) <= {
            page.bundle_id or page.notification.notification_id for page in paged(records)
        }

    def teardown(self):
        self.do(self.opened.__aexit__(None, None, None))
        self.place.__exit__(None, None, None)
        self.loop.close()


@pytest.mark.parametrize("kind", EXAMPLES)
def test_whatever_happens_the_pager_does_what_the_reference_does(kind, request, tmp_path):
    @contextmanager
    def place():
        """Where one example keeps its state."""
        if kind == "fake":
            yield fake_pager()
        elif kind == "sqlite":
            yield stored_pager(f"sqlite+aiosqlite:///{tmp_path / uuid4().hex}.db", frozen=True)
        else:
            isolation = "serializable" if kind == "serializable" else "read committed"
            with a_postgres_database(request.getfixturevalue("postgres_admin_url"), isolation) as url:
                yield stored_pager(url, frozen=True)

    examples, steps = EXAMPLES[kind]
    run_state_machine_as_test(
        partial(PagerMachine, place), settings=settings(max_examples=examples, stateful_step_count=steps)
    )
