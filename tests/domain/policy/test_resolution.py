"""Whom a level notifies: people as they are on call, each with the rules and addresses that count."""

from datetime import UTC, datetime, timedelta

from fakes.policy_builders import ANA as ANA_ADDRESS
from fakes.policy_builders import a_level
from fakes.roster_builders import ANA_PHONE, a_method, a_person, a_rule
from fakes.schedule_builders import a_layer, a_schedule, add, an_override, remove, utc

from pager_domain.policy.directory import FoundPolicy
from pager_domain.policy.levels import Selection, person_target, schedule_target
from pager_domain.policy.resolution import Moment, Resolver
from pager_domain.policy.resolved import UnreachedReason
from pager_domain.policy.schedules import Unit
from pager_domain.policy.timetable import Timetable

SEEN = datetime(2026, 1, 1, tzinfo=UTC)
MONDAY = utc("2026-11-02 12:00")
"""In the first week of Ana, who takes turns with Ben."""


def reachable(person_id, *methods, **more):
    """A person whose contact methods were verified; a mail box if none is given."""
    return a_person(person_id, *(methods or (a_method("mail", f"{person_id}@example.com", SEEN),)), **more)


SHOP = (a_schedule(),)
UNVERIFIED = a_person("dan")
PEOPLE = {person.person_id: person for person in (reachable("ana"), reachable("ben"), reachable("cem"), UNVERIFIED)}


def resolver(*schedules, people=PEOPLE):
    return Resolver(Timetable({(schedule.schedule_id, None): schedule for schedule in schedules}), people)


def level_of(*targets, schedules=SHOP, at=MONDAY, forecast=timedelta(0), turn=0, people=PEOPLE, **more):
    return resolver(*schedules, people=people).level(a_level(*targets, **more), Moment(at, forecast), turn)


def names(targets):
    return [target.person_id for target in targets]


def reasons(level):
    return [(target.target_id, target.person_id, target.reason) for target in level.unreached]


def test_an_address_is_paged_as_it_is():
    [target] = level_of(ANA_ADDRESS).targets
    [step] = target.high.steps
    assert (step.delay, step.address.value, step.contact_method_id) == (timedelta(0), "ana@example.com", None)
    assert (target.low, target.person_id) == (None, None)


def test_a_schedule_pages_whoever_is_on_call_and_says_why():
    [target] = level_of(schedule_target("shop", "duty")).targets
    assert (target.target_id, target.person_id, target.schedule_id) == ("duty", "ana", "shop")
    assert (target.layer_id, target.override_id) == ("primary", None)
    [target] = level_of(schedule_target("shop"), at=MONDAY + timedelta(weeks=1)).targets
    assert target.person_id == "ben"


def test_an_override_that_adds_somebody_pages_both():
    schedule = a_schedule(overrides=[an_override(add("cem"), "2026-11-02 09:00", "2026-11-03 09:00")])
    targets = level_of(schedule_target("shop"), schedules=[schedule]).targets
    assert [(target.person_id, target.override_id) for target in targets] == [("ana", None), ("cem", "o-1")]


def test_somebody_named_twice_in_a_level_is_paged_once_through_the_first_target():
    [target] = level_of(schedule_target("shop"), person_target("ana")).targets
    assert target.target_id == "shop"
    [target] = level_of(person_target("ana"), schedule_target("shop")).targets
    assert target.target_id == "ana"


def test_where_nobody_is_on_call_nobody_is_paged_and_the_reason_is_told():
    gone = a_schedule(overrides=[an_override(remove("ana"), "2026-11-02 09:00", "2026-11-03 09:00")])
    level = level_of(schedule_target("shop"), person_target("ben"), schedules=[gone])
    assert names(level.targets) == ["ben"]
    assert reasons(level) == [("shop", None, UnreachedReason.NOBODY_ON_CALL)]


def test_who_or_what_is_not_there_or_cannot_be_reached_is_told():
    duty = a_schedule(a_layer("dan"))
    level = level_of(
        person_target("dan"), person_target("eve"), schedule_target("none"), schedule_target("shop"), schedules=[duty]
    )
    assert level.targets == ()
    assert reasons(level) == [
        ("dan", "dan", UnreachedReason.NO_VERIFIED_CONTACT_METHOD),
        ("eve", "eve", UnreachedReason.PERSON_UNKNOWN),
        ("none", None, UnreachedReason.SCHEDULE_UNKNOWN),
        ("shop", "dan", UnreachedReason.NO_VERIFIED_CONTACT_METHOD),
    ]


MAIL = a_method("mail", "ana@example.com", SEEN)
PHONE = a_method("phone", "+4915112345678", SEEN)


def steps_of(rule):
    return [(step.delay // timedelta(minutes=1), step.contact_method_id) for step in rule.steps]


def rules_of(*methods, **rules):
    [target] = level_of(person_target("ana"), people={"ana": a_person("ana", *methods, **rules)}).targets
    return target.high, target.low


def test_without_rules_all_verified_methods_are_used_for_what_is_urgent_and_the_first_for_the_rest():
    high, low = rules_of(MAIL, ANA_PHONE, a_method("work", "+4915187654321", SEEN))
    assert steps_of(high) == [(0, "mail"), (0, "work")]
    assert steps_of(low) == [(0, "mail")]
    assert (high.repeat_interval, low.repeat_interval) == (None, None)


def test_rules_are_followed_step_by_step():
    high, low = rules_of(
        MAIL,
        PHONE,
        high_urgency_rule=a_rule((0, "mail"), (5, "phone"), repeat_minutes=2),
        low_urgency_rule=a_rule((30, "mail")),
    )
    assert (steps_of(high), high.repeat_interval) == ([(0, "mail"), (5, "phone")], timedelta(minutes=2))
    assert (steps_of(low), low.repeat_interval) == ([(30, "mail")], None)


def test_a_step_with_an_unverified_method_is_left_out():
    high, _ = rules_of(MAIL, ANA_PHONE, high_urgency_rule=a_rule((0, "phone"), (5, "mail")))
    assert steps_of(high) == [(5, "mail")]


def test_a_rule_of_which_nothing_is_left_counts_as_unset():
    rule = a_rule((0, "phone"))
    high, low = rules_of(MAIL, ANA_PHONE, high_urgency_rule=rule, low_urgency_rule=rule)
    assert steps_of(high) == steps_of(low) == [(0, "mail")]


def by_turns(turn, *targets, **more):
    return level_of(*targets, turn=turn, selection=Selection.ROUND_ROBIN, **more)


TEAM = (person_target("ana"), person_target("ben"), person_target("cem"))


def test_by_turns_one_target_after_the_other_is_notified():
    assert [names(by_turns(turn, *TEAM).targets) for turn in range(4)] == [["ana"], ["ben"], ["cem"], ["ana"]]


def test_the_others_are_told_to_wait_for_their_turn():
    level = by_turns(1, *TEAM)
    assert reasons(level) == [
        ("ana", "ana", UnreachedReason.NOT_ITS_TURN),
        ("cem", "cem", UnreachedReason.NOT_ITS_TURN),
    ]


def test_a_target_where_nobody_can_be_reached_is_passed_over():
    level = by_turns(0, person_target("dan"), *TEAM)
    assert names(level.targets) == ["ana"]
    assert reasons(level)[0] == ("dan", "dan", UnreachedReason.NO_VERIFIED_CONTACT_METHOD)
    assert names(by_turns(0, person_target("dan")).targets) == []


def test_by_turns_a_schedule_brings_everybody_who_is_on_call_on_it():
    schedule = a_schedule(overrides=[an_override(add("cem"), "2026-11-02 09:00", "2026-11-03 09:00")])
    level = by_turns(1, person_target("ben"), schedule_target("shop"), schedules=[schedule])
    assert names(level.targets) == ["ana", "cem"]


def later(level):
    return [(each.starts_at, names(each.targets)) for each in level.later_targets]


DAYS = a_schedule(a_layer("ana", "ben", unit=Unit.DAY), zone="UTC")


def test_the_forecast_says_from_when_on_others_are_notified():
    level = level_of(schedule_target("shop"), schedules=[DAYS], forecast=timedelta(hours=48))
    assert names(level.targets) == ["ana"]
    assert later(level) == [(utc("2026-11-03 09:00"), ["ben"]), (utc("2026-11-04 09:00"), ["ana"])]


def test_a_forecast_ends_before_its_end():
    at = utc("2026-11-02 09:00")
    assert later(level_of(schedule_target("shop"), schedules=[DAYS], at=at, forecast=timedelta(days=1))) == []
    just_longer = timedelta(days=1, microseconds=1)
    assert len(later(level_of(schedule_target("shop"), schedules=[DAYS], at=at, forecast=just_longer))) == 1


def test_a_change_that_changes_nobody_is_not_told():
    level = level_of(person_target("ana"), schedule_target("shop"), schedules=[DAYS], forecast=timedelta(hours=48))
    assert later(level) == [(utc("2026-11-03 09:00"), ["ana", "ben"]), (utc("2026-11-04 09:00"), ["ana"])]
    both = (person_target("ana"), person_target("ben"), schedule_target("shop"))
    assert later(level_of(*both, schedules=[DAYS], forecast=timedelta(hours=48))) == []


def test_a_gap_that_comes_is_told_as_nobody():
    gap = a_schedule(a_layer("ana", ends="2026-11-02 18:00"))
    level = level_of(schedule_target("shop"), schedules=[gap], forecast=timedelta(hours=12))
    assert later(level) == [(utc("2026-11-02 18:00"), [])]


def test_what_the_forecast_says_is_what_is_answered_then():
    level = level_of(schedule_target("shop"), person_target("cem"), schedules=[DAYS], forecast=timedelta(hours=48))
    for each in level.later_targets:
        then = level_of(schedule_target("shop"), person_target("cem"), schedules=[DAYS], at=each.starts_at)
        assert then.targets == each.targets


def test_a_policy_is_answered_level_by_level_each_with_its_own_turn():
    levels = (
        a_level(*TEAM, selection=Selection.ROUND_ROBIN),
        a_level(),
        a_level(*TEAM, selection=Selection.ROUND_ROBIN),
    )
    found = FoundPolicy("shop", 3, levels, 2, defaulted=True, acknowledgement_expiry=timedelta(hours=4))
    answer = resolver().resolve(found, Moment(MONDAY), {1: 1, 3: 2}.__getitem__)
    assert [names(level.targets) for level in answer.levels] == [["ben"], [None], ["cem"]]
    assert (answer.policy_id, answer.revision, answer.repeat_count, answer.defaulted) == ("shop", 3, 2, True)
    assert (answer.acknowledgement_expiry, answer.reopen_window) == (timedelta(hours=4), None)
