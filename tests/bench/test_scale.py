"""The model of docs/scale.md: what it says about queues that anybody can check in the head."""

from dataclasses import replace

import pytest

from bench.scale.costs import Cost, Costs, Load
from bench.scale.kernel import Locks, Log, Processors, Timeline
from bench.scale.model import MAX_BATCH, STEPS, simulated
from bench.scale.scenario import Machines, Traffic
from bench.scale.sizing import FULL, PATIENCE, needed

NOTHING = Cost(0, 0, 0, 0, 0)
COSTS = Costs(
    pager=Cost(batch=0.002, alert=5e-6, request_id=0, line=50e-6, opening=0),
    database=Cost(batch=0.0005, alert=0, request_id=0, line=20e-6, opening=0),
    wal=Cost(batch=200, alert=0, request_id=0, line=1000, opening=0),
    call=0.0005,
)
MANY_SERVICES = Traffic(0, new=1.0)
"""Every alert is about a service of its own: no two batches meet at a row."""
ROOMY = Machines(database_processors=64, notifies=False)


def saturated(machines, **traffic):
    return simulated(machines, replace(MANY_SERVICES, in_flight=128, **traffic), COSTS)


def test_twice_the_replicas_on_a_database_that_is_not_busy_take_twice_the_alerts():
    one, two = saturated(ROOMY).rate, saturated(replace(ROOMY, replicas=2)).rate
    assert two == pytest.approx(2 * one, rel=0.05)


def test_a_busy_database_takes_no_more_from_more_replicas():
    small = replace(ROOMY, database_processors=1)
    costs = replace(COSTS, database=replace(COSTS.database, batch=0.02))
    traffic = replace(MANY_SERVICES, in_flight=128)
    some, more = (simulated(replace(small, replicas=number), traffic, costs, seconds=3) for number in (16, 32))
    assert some.busiest == more.busiest == "database processors"
    assert some.batches == pytest.approx(more.batches, rel=0.1)


def test_two_cells_take_twice_what_the_database_of_one_takes():
    costs = replace(COSTS, database=replace(COSTS.database, batch=0.02))
    one = Machines(database_processors=1, replicas=8, notifies=False)
    two = replace(one, cells=2, replicas=16)
    traffic = replace(MANY_SERVICES, in_flight=128)
    assert simulated(two, traffic, costs).batches == pytest.approx(2 * simulated(one, traffic, costs).batches, rel=0.1)


def test_a_hot_service_is_limited_by_its_row_however_many_replicas_there_are():
    hot = Traffic(0, new=0, services=1, message=64, in_flight=16)
    four, sixteen = (simulated(replace(ROOMY, replicas=number), hot, COSTS) for number in (4, 16))
    assert four.busiest == sixteen.busiest == "hottest service"
    assert sixteen.rate == pytest.approx(four.rate, rel=0.05)


def test_sticky_alerts_of_a_hot_service_never_wait_for_its_row():
    machines = replace(ROOMY, replicas=8)
    traffic = Traffic(20_000, new=0, services=1000, message=16)
    sticky = simulated(replace(machines, sticky=True), traffic, COSTS)
    spread = simulated(machines, traffic, COSTS)
    assert spread.busiest == "hottest service"
    assert spread.busy["hottest service"] > 0.95
    assert spread.answer_seconds(0.5) > 4 * sticky.answer_seconds(0.5)


def test_far_below_saturation_an_answer_takes_one_commit():
    seen = simulated(ROOMY, Traffic(1, new=1.0), COSTS, seconds=60)
    load = Load(1, opening=1)
    commit = COSTS.pager.of(load) + COSTS.database.of(load) + STEPS * ROOMY.round_trip + ROOMY.sync
    assert seen.batch == pytest.approx(1, rel=0.05)
    assert seen.answer_seconds(0.5) == pytest.approx(commit + COSTS.call, rel=0.05)


def test_the_busier_a_replica_is_the_more_alerts_share_a_commit():
    batches = [simulated(ROOMY, Traffic(rate, new=1.0), COSTS).batch for rate in (50, 500, 1200)]
    assert batches == sorted(batches)
    assert batches[-1] > 3 * batches[0]
    assert max(batches) <= MAX_BATCH


def test_those_in_flight_at_a_full_replica_share_a_commit():
    """Without a rest the next one begins as soon as the first of them has been read."""
    assert saturated(ROOMY).batch > 100


def test_more_than_an_interpreter_can_read_is_not_kept_up_with():
    seen = simulated(ROOMY, Traffic(1.2 / COSTS.call, new=1.0), COSTS)
    assert not seen.keeps_up
    assert seen.busiest == "interpreter"


def test_repeats_of_few_services_cost_less_than_alerts_of_many():
    few = Load(256, repeated_services=1)
    many = Load(256, opening=256)
    assert COSTS.pager.of(few) < COSTS.pager.of(many) / 4


def test_bursts_make_answers_late_though_the_rate_is_the_same():
    calm = simulated(ROOMY, Traffic(500, new=1.0), COSTS, seconds=20)
    bursts = simulated(ROOMY, Traffic(500, new=1.0, burst=50), COSTS, seconds=20)
    assert bursts.rate == pytest.approx(calm.rate, rel=0.2)
    assert bursts.answer_seconds(0.99) > 2 * calm.answer_seconds(0.99)


def test_commits_share_a_sync_unless_they_notify():
    machines = replace(ROOMY, replicas=16, sync=0.02)
    share, alone = saturated(machines), saturated(replace(machines, notifies=True))
    assert share.syncs < share.batches / 2
    assert alone.batches == pytest.approx(alone.seconds / machines.sync, rel=0.1)
    assert alone.busiest == "log"


def test_the_same_question_has_the_same_answer():
    traffic = Traffic(400)
    assert simulated(ROOMY, traffic, COSTS) == simulated(ROOMY, traffic, COSTS)


def test_what_is_needed_answers_in_time_and_one_size_less_does_not():
    need = needed(Traffic(6000, new=1.0), ROOMY, COSTS)
    assert need.seen.answer_seconds(0.99) <= PATIENCE
    assert need.seen.busy[need.seen.busiest] <= FULL
    fewer = replace(need.machines, replicas=round(need.machines.replicas * 0.6))
    assert simulated(fewer, need.traffic, COSTS).busy["interpreter"] > FULL


def test_a_service_that_is_too_hot_for_one_replica_has_no_size():
    with pytest.raises(ValueError, match="hottest service"):
        needed(Traffic(100_000), Machines(sticky=True), COSTS)


@pytest.mark.parametrize("part", ["batch", "alert", "request_id", "line", "opening"])
def test_costs_are_found_again_in_what_they_would_have_been_measured_as(part):
    true = Cost(batch=0.003, alert=4e-6, request_id=7e-6, line=40e-6, opening=60e-6)
    found = Cost.through(as_measured(true), "pager_us", 1e-6)
    assert getattr(found, part) == pytest.approx(getattr(true, part), rel=0.01)


def as_measured(cost):
    sizes = (1, 8, 64, 256)
    kinds = {
        "one hot service": lambda n: Load(n, 0, 1, with_request_ids=False),
        "repeats without request ids": lambda n: Load(n, 0, min(n, 50), with_request_ids=False),
        "repeats": lambda n: Load(n, 0, min(n, 50)),
        "new": lambda n: Load(n, n, 0),
    }
    return {kind: [{"alerts": n, "pager_us": cost.of(load(n)) * 1e6} for n in sizes] for kind, load in kinds.items()}


def test_processors_serve_in_turn_and_as_many_at_once_as_there_are():
    timeline, ended = Timeline(), []
    two = Processors(timeline, 2)

    def job(name):
        yield two.work(1.0)
        ended.append((name, timeline.now))

    for name in "abc":
        timeline.start(job(name))
    timeline.run(10)
    assert ended == [("a", 1.0), ("b", 1.0), ("c", 2.0)]
    assert two.busy == 3.0


def test_who_asks_while_a_sync_runs_shares_the_next_one():
    timeline, ended = Timeline(), []
    log = Log(timeline, 1.0, 1e9, serial=False)

    def commit(begin):
        yield timeline.pause(begin)
        yield log.synced(0)
        ended.append(timeline.now)

    for begin in (0.0, 0.2, 0.4):
        timeline.start(commit(begin))
    timeline.run(10)
    assert ended == [1.0, 2.0, 2.0]
    assert log.syncs == 2


def test_a_lock_goes_to_who_asked_first():
    timeline, got = Timeline(), []
    locks = Locks(timeline)

    def holder(name):
        if (waiting := locks.taken("row")) is not None:
            yield waiting
        got.append((name, timeline.now))
        yield timeline.pause(1)
        locks.give_back(["row"])

    for name in "abc":
        timeline.start(holder(name))
    timeline.run(10)
    assert got == [("a", 0.0), ("b", 1.0), ("c", 2.0)]
    assert locks.held == {"row": 3.0}
