"""The whole pager against a plain dictionary that knows nothing of its code."""

import asyncio
from collections import Counter, defaultdict
from datetime import timedelta

from builders import HandClock, a_level, a_policy, acknowledging, an_application, healing, raising
from fakes.escalation_policies import DOWN, FakeEscalationPolicies
from fakes.monitored_services import FakeMonitoredServices
from fakes.notification_outbox import FakeNotificationOutbox
from fakes.senders import FakeSenders
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pager_domain.errors import DomainError
from pager_domain.pager.events import Outcome
from pager_domain.pager.ports.email_sender import NotNow, Refused
from pager_domain.pager.ports.notification_outbox import Settled

SERVICES = st.sampled_from(["a", "b"])
LEVELS, REPEATS, DELAY, LOOK_AGAIN = 2, 1, 60, 10
POLICY = a_policy(levels=[a_level(1, minutes=1), a_level(2, minutes=1)], repeats=REPEATS)
PEOPLE = {level: [f"person-{level}-1", f"person-{level}-2"] for level in (1, 2)}
STEPS = [(cycle, level) for cycle in range(1, REPEATS + 2) for level in range(1, LEVELS + 1)]


class Model:
    """What should be, in dictionaries: an incident is its state, its steps made and when the next is due."""

    def __init__(self):
        self.now, self.number, self.down = 0, 0, False
        self.open, self.incidents, self.pages, self.known = {}, {}, Counter(), set()
        self.ends = defaultdict(list)

    def alert(self, service):
        if service in self.open:
            self.incidents[self.open[service]]["alerts"] += 1
            return
        self.number += 1
        self.open[service] = f"incident-{self.number}"
        self.incidents[self.open[service]] = {
            "service": service,
            "state": "open",
            "alerts": 1,
            "due": self.now,
            "looks": None,
            "plan": None,
            "made": 0,
            "cycles": 0,
        }

    def acknowledge(self, service):
        if service not in self.open:
            return False
        incident = self.incidents[self.open[service]]
        incident["state"], incident["due"], incident["looks"] = "acknowledged", None, None
        return True

    def healthy(self, service):
        if service in self.open:
            incident = self.incidents[self.open.pop(service)]
            incident["state"], incident["due"], incident["looks"] = "resolved", None, None

    def fire(self):
        for name, incident in self.incidents.items():
            if incident["due"] is not None:
                self._fire_one(name, incident)

    def _fire_one(self, name, incident):
        covered = not self.down or incident["service"] in self.known
        looking = incident["plan"] is None or (incident["plan"] == "catch-all" and incident["looks"] <= self.now)
        if looking and covered:
            incident["plan"], incident["made"], incident["due"] = "policy", 0, self.now
            incident["first_cycle"] = incident["cycles"] + 1
            if not self.down:
                self.known.add(incident["service"])
        incident["plan"] = incident["plan"] or "catch-all"
        if looking and incident["plan"] == "catch-all":
            again = incident["due"] if incident["due"] > self.now else self.now + 900
            incident["looks"] = min(self.now + LOOK_AGAIN, again)
        if incident["due"] > self.now:
            return
        if incident["plan"] == "catch-all":
            incident["cycles"] += 1
            self.pages[name, incident["cycles"], 1, "catch-all"] += 1
            incident["due"] = self.now + 900
        elif incident["made"] == len(STEPS):
            incident["due"] = None
        else:
            cycle, level = STEPS[incident["made"]]
            for person in PEOPLE[level]:
                self.pages[name, cycle + incident["first_cycle"] - 1, level, person] += 1
            incident["made"] += 1
            incident["due"] = self.now + DELAY


    def page_ended(self, name, cycle, level, *, handed_off):
        self.ends[name, cycle, level].append(handed_off)
        incident = self.incidents[name]
        waits = incident["due"] is not None and incident["due"] > self.now and incident["plan"] == "policy"
        if not waits or STEPS[incident["made"] - 1] != (cycle - incident["first_cycle"] + 1, level) or level == LEVELS:
            return
        ends = self.ends[name, cycle, level]
        if len(ends) == len(PEOPLE[level]) and not any(ends):
            incident["due"] = self.now


class PagerMachine(RuleBasedStateMachine):
    """Raises, answers, lets time pass and breaks the neighbours; the model is told the same."""

    def __init__(self):
        super().__init__()
        self.model, self.clock, self.loop = Model(), HandClock(), asyncio.new_event_loop()
        self.store = FakeMonitoredServices(self.clock)
        self.outbox, self.policies = FakeNotificationOutbox(self.store), FakeEscalationPolicies(POLICY)
        self.senders = FakeSenders()
        self.application = an_application(self.store, self.outbox, self.policies, self.senders)

    def do(self, call):
        return self.loop.run_until_complete(call)

    @rule(service=SERVICES, times=st.integers(1, 3))
    def alerts(self, service, times):
        self.do(self.application.handle([raising(service)] * times))
        for _ in range(times):
            self.model.alert(service)

    @rule(service=SERVICES)
    def acknowledged(self, service):
        [answer] = self.do(self.application.handle([acknowledging(service)]))
        assert self.model.acknowledge(service) != isinstance(answer, DomainError)

    @rule(service=SERVICES)
    def healthy(self, service):
        self.do(self.application.handle([healing(service)]))
        self.model.healthy(service)

    @rule(service=SERVICES)
    def fails_and_is_mended_in_one_batch(self, service):
        self.do(self.application.handle([healing(service), raising(service), raising(service)]))
        self.model.healthy(service)
        self.model.alert(service)
        self.model.alert(service)

    @rule(seconds=st.sampled_from([0, 10, 30, 59, 60, 61, 900]))
    def time_passes(self, seconds):
        self.clock.advance(seconds)
        self.model.now += seconds
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
        for end in (result.event for result in results if isinstance(result, Settled)):
            incident_id = end.notification_id.rsplit("-", 3)[0]
            self.model.page_ended(incident_id, end.cycle, end.level, handed_off=end.outcome is Outcome.HANDED_OFF)

    @rule()
    def a_delivery_dies_with_its_pages_in_hand(self):
        self.do(self.application.claim_due(2))

    @precondition(lambda self: self.store.state.pages)
    @rule()
    def in_the_end_every_page_is_settled(self):
        for _ in range(3):
            self.clock.advance(30)
            self.model.now += 30
            self.pages_are_delivered([])
        self.do(self.application.escalate_due(100))
        self.model.fire()
        made = [page for page in self.store.state.pages.values() if page.outcome is None]
        assert all(page.due_at == self.clock.now() for page in made)

    @invariant()
    def states_agree(self):
        found = {key: (i.state.value, i.alert_count) for key, i in self.store.state.incidents.items()}
        assert found == {key: (i["state"], i["alerts"]) for key, i in self.model.incidents.items()}
        unhealthy = {key: s.incident.incident_id for key, s in self.store.state.services.items() if s.incident}
        assert unhealthy == self.model.open

    @invariant()
    def each_page_was_decided_once_and_only_if_it_should(self):
        pages = [page.notification for page in self.store.state.pages.values()]
        assert Counter((p.incident_id, p.cycle, p.level, p.target.target_id) for p in pages) == self.model.pages
        assert set(self.model.pages.values()) <= {1}

    @invariant()
    def nothing_goes_out_twice(self):
        assert len(self.senders.texts) == sum(self.senders.sent.values())
        assert set(self.senders.texts) <= set(self.store.state.pages)

    @invariant()
    def timelines_have_no_gap(self):
        for key, incident in self.store.state.incidents.items():
            numbers = [event.sequence for event in self.store.state.events if event.incident_id == key]
            assert numbers == list(range(1, incident.event_count + 1))

    def teardown(self):
        self.loop.close()


PagerMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestPagerMachine = PagerMachine.TestCase
