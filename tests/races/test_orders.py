"""Fault row 46: alert, acknowledge and healthy in every order and at the same time. The state is that of some order."""

import asyncio
from collections import Counter, defaultdict
from itertools import count, permutations

import pytest
from builders import an_application
from fakes.escalation_policies import FakeEscalationPolicies
from races.dice import seeded_dice
from races.observed import POLICY, expected_states, pages, said, states, unresolved
from races.reference import Reference
from races.serial_order import Act, Done, can_follow

from pager_domain.pager.audit import violations
from pager_domain.pager.events import IncidentId

EACH_TWICE = sorted(set(permutations(["alert", "acknowledge", "healthy"] * 2)))
REPLICAS = 3
SERVICES = {"fake": 100, "sqlite": 200, "postgresql": 200, "serializable": 50}
AT_ONCE, CALLS, LOOKS = 20, 7, 2
"""Services at a time, calls about each, looks at what is due."""


def applications(pager):
    """A use case layer for each replica; no two of them give one id."""
    ids, policies = count(1), FakeEscalationPolicies(POLICY)
    return [
        an_application(store, outbox, policies, new_incident_id=lambda: IncidentId(f"incident-{next(ids)}"))
        for (_, store), outbox in zip(pager.stores(REPLICAS), pager.outboxes(REPLICAS), strict=True)
    ]


def by_service(records):
    found = defaultdict(list)
    for record in records:
        found[record.incident.monitored_service_id].append(record)
    return found


def agreeing_with(records):
    """Whether a reference that knows one service ends in what is stored of it."""

    def agrees(reference):
        return (expected_states(reference), reference.open, +reference.pages) == (
            states(records),
            unresolved(records),
            pages(records),
        )

    return agrees


def test_there_are_ninety_orders():
    assert len(EACH_TWICE) == 90


@pytest.mark.parametrize("together", [False, True], ids=["one after the other", "in one batch"])
async def test_every_order_ends_as_the_reference_does(pager, together):
    """Ninety services, each with its own order; between the steps what is due fires, unless all are in one batch."""
    application, orders = applications(pager)[0], {f"service-{n:02}": order for n, order in enumerate(EACH_TWICE)}
    references = {service: Reference() for service in orders}
    steps = [[Act(order[n], service, said="x") for service, order in orders.items()] for n in range(6)]
    for step in [[act for acts in zip(*steps, strict=True) for act in acts]] if together else steps:
        begun = {act.service for act in step if act.operation == "alert"}
        answers = await application.handle([act.request for act in step])
        for act, answer in zip(step, answers, strict=True):
            reference = references[act.service]
            reference.heard |= begun & {act.service}  # an alert anywhere in a batch begins its service
            got = said(answer)
            name = got[0] if isinstance(got, tuple) else ""
            assert got == reference.answer(act.operation, act.service, said="x", name=name or "")
        while await application.escalate_due(100):
            pass
        for reference in references.values():
            reference.fire()
    records = await pager.records()
    assert [str(violation) for record in records for violation in violations(record)] == []
    stored = by_service(records)
    assert [service for service in orders if not agreeing_with(stored[service])(references[service])] == []


async def test_whatever_happens_at_the_same_time_looks_like_one_after_the_other(pager, request):
    replicas, ticks = applications(pager), count()
    number = SERVICES[request.node.callspec.params["place"]]
    with seeded_dice() as dice:
        acts = [an_act(dice, f"service-{n:03}") for n in range(number) for _ in range(CALLS)]
        history, kinds = [], Counter()

        async def call(act):
            for _ in range(dice.randrange(30)):
                await asyncio.sleep(0)
            began, replica = next(ticks), dice.choice(replicas)
            if act is None:
                await pager.retrying(replica.escalate_due, dice.randint(1, 100))
                history.append(Done(began, next(ticks)))
                return
            [answer] = await pager.retrying(replica.handle, [act.request])
            history.append(Done(began, next(ticks), act, said(answer)))

        for step in ("alert", "healthy"):  # every other service is known, and healthy, before the race
            await asyncio.gather(*(call(Act(step, f"service-{n:03}", said="x")) for n in range(0, number, 2)))
        for first in range(0, len(acts), AT_ONCE * CALLS):
            turn = [*acts[first : first + AT_ONCE * CALLS], *[None] * LOOKS]
            await asyncio.gather(*(call(act) for act in dice.sample(turn, len(turn))))
        records = await pager.records()
        assert [str(violation) for record in records for violation in violations(record)] == []
        stored = by_service(records)
        for service in {act.service for act in acts}:
            done = concerning(service, history)
            assert can_follow(Reference(), done, agreeing_with(stored[service])), (service, done, stored[service])
            kinds.update(one.answer if isinstance(one.answer, str) else str(one.answer[1]) for one in done if one.act)
        assert len(kinds) == 5, f"too little happened: {kinds}"


def concerning(service, history):
    """Its calls, the looks at the same time, and one after them: time stands still, so more make nothing due."""
    calls = [one for one in history if one.act and one.act.service == service]
    begin, end = min(one.began for one in calls), max(one.ended for one in calls)
    looks = sorted((one for one in history if one.act is None and one.ended > begin), key=lambda one: one.began)
    return [*calls, *(one for one in looks if one.began < end), *[one for one in looks if one.began > end][:1]]


def an_act(dice, service):
    """Some have an id that another one has too, with the same words or with others."""
    operation = dice.choice(["alert", "alert", "acknowledge", "healthy"])
    request_id = dice.choice(["", "", "one", "two"])
    return Act(operation, service, request_id, "" if operation == "healthy" else dice.choice("xy"))
