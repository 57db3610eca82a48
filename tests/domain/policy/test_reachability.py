"""Would every page reach somebody? What keeps it from doing so is found before it is needed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fakes.policy_builders import ANA as ANA_ADDRESS
from fakes.policy_builders import ANA_PHONE as ANA_NUMBER
from fakes.policy_builders import a_level
from fakes.roster_builders import a_method, a_person, a_rule
from fakes.schedule_builders import a_layer, a_schedule, an_override, remove, utc

from pager_domain.errors import InvalidField
from pager_domain.policy.checking import checked_horizon
from pager_domain.policy.directory import FoundPolicy
from pager_domain.policy.findings import Finding, FindingKind, Span
from pager_domain.policy.levels import Selection, email_target, person_target, schedule_target
from pager_domain.policy.reachability import Outlook, findings_of
from pager_domain.policy.schedules import Unit
from pager_domain.policy.timetable import Timetable

SEEN = datetime(2026, 1, 1, tzinfo=UTC)
START = utc("2026-11-02 12:00")
HORIZON = timedelta(days=14)
ALWAYS = Span(START, START + HORIZON)
SHOP = schedule_target("shop")


def both_ways(person_id, **more):
    """A person who is reached by e-mail and by text message."""
    digits = sum(person_id.encode())
    mail, phone = f"{person_id}@example.com", f"+49151{digits:08}"
    return a_person(person_id, a_method("mail", mail, SEEN), a_method("phone", phone, SEEN), **more)


TEAM = [both_ways(name) for name in ("ana", "ben", "cem")]


def found(*levels, schedules=(), people=()):
    everybody = {person.person_id: person for person in (*TEAM, *people)}
    timetable = Timetable({(schedule.schedule_id, None): schedule for schedule in schedules})
    return findings_of(FoundPolicy("shop", 1, levels), Outlook(timetable, everybody, START, HORIZON))


def kinds(findings):
    return [finding.kind for finding in findings]


def spans(findings, kind):
    return [finding.span for finding in findings if finding.kind is kind]


GONE = an_override(remove("ana"), "2026-11-03 09:00", "2026-11-04 09:00")


def test_nothing_is_found_where_two_people_are_reached_in_two_ways():
    assert found(a_level(person_target("ana")), a_level(person_target("ben"))) == []
    assert found(a_level(SHOP), a_level(person_target("cem")), schedules=[a_schedule()]) == []


def test_a_time_at_which_no_level_reaches_anybody_is_an_error():
    findings = found(a_level(SHOP), a_level(SHOP), schedules=[a_schedule(overrides=[GONE])])
    [error] = [finding for finding in findings if finding.is_error]
    gap = Span(GONE.starts_at, GONE.ends_at)
    assert error == findings[0] == Finding(FindingKind.NOBODY_REACHED, "shop", span=gap)


def test_a_gap_at_one_level_is_a_warning_while_another_level_reaches_somebody():
    findings = found(a_level(SHOP), a_level(person_target("ben")), schedules=[a_schedule(overrides=[GONE])])
    assert not [finding for finding in findings if finding.is_error]
    gap = Span(GONE.starts_at, GONE.ends_at)
    assert [f for f in findings if f.kind is FindingKind.SCHEDULE_GAP] == [
        Finding(FindingKind.SCHEDULE_GAP, "shop", 1, schedule_id="shop", span=gap)
    ]


def test_gaps_of_two_levels_are_an_error_only_where_they_meet():
    early = a_schedule(a_layer("ana", ends="2026-11-05 00:00"))
    late = replace(a_schedule(a_layer("ben", begins="2026-11-07 00:00")), schedule_id="later")
    findings = found(a_level(SHOP), a_level(schedule_target("later")), schedules=[early, late])
    nobody = spans(findings, FindingKind.NOBODY_REACHED)
    assert nobody == [Span(utc("2026-11-05 00:00"), utc("2026-11-07 00:00"))]


def test_somebody_who_cannot_be_reached_counts_for_nobody():
    dan = a_person("dan")
    findings = found(a_level(person_target("dan")), people=[dan])
    assert kinds(findings) == [FindingKind.NOBODY_REACHED, FindingKind.NO_VERIFIED_CONTACT_METHOD]
    assert findings[0].span == ALWAYS
    assert findings[1].person_id == "dan"


def test_somebody_without_a_verified_method_is_found_also_if_the_shift_comes_later():
    schedule = a_schedule(a_layer("ana", "dan"))
    findings = found(a_level(SHOP), a_level(person_target("ben")), schedules=[schedule], people=[a_person("dan")])
    [finding] = [f for f in findings if f.kind is FindingKind.NO_VERIFIED_CONTACT_METHOD]
    assert (finding.person_id, finding.level) == ("dan", 0)


def test_one_person_at_all_levels_is_a_single_point_of_failure():
    findings = found(a_level(person_target("ana")), a_level(SHOP), schedules=[a_schedule(a_layer("ana"))])
    assert findings == [Finding(FindingKind.SINGLE_POINT_OF_FAILURE, "shop", span=ALWAYS)]


def test_people_who_follow_each_other_alone_are_a_single_point_of_failure_all_the_time():
    findings = found(a_level(SHOP), schedules=[a_schedule(a_layer("ana", "ben", unit=Unit.DAY))])
    assert spans(findings, FindingKind.SINGLE_POINT_OF_FAILURE) == [ALWAYS]


def test_it_is_one_only_while_the_shift_is_that_of_the_person_behind():
    schedule = a_schedule(a_layer("ana", "ben"), zone="UTC")
    findings = found(a_level(SHOP), a_level(person_target("ben")), schedules=[schedule])
    week_of_ben = Span(utc("2026-11-09 09:00"), utc("2026-11-16 09:00"))
    assert spans(findings, FindingKind.SINGLE_POINT_OF_FAILURE) == [week_of_ben]


def test_by_turns_one_incident_reaches_one_person_only():
    everybody = [person_target(name) for name in ("ana", "ben", "cem")]
    by_turns = a_level(*everybody, selection=Selection.ROUND_ROBIN)
    assert kinds(found(by_turns)) == [FindingKind.SINGLE_POINT_OF_FAILURE]
    assert kinds(found(by_turns, a_level(person_target("cem")))) == [FindingKind.SINGLE_POINT_OF_FAILURE]
    assert found(by_turns, a_level(*everybody)) == []


def test_two_addresses_are_not_one_point_of_failure():
    assert found(a_level(ANA_ADDRESS, ANA_NUMBER)) == []
    assert kinds(found(a_level(ANA_NUMBER), a_level(ANA_NUMBER))) == [
        FindingKind.SINGLE_POINT_OF_FAILURE,
        FindingKind.ONE_CHANNEL,
    ]


def test_a_policy_that_only_sends_mail_is_found():
    assert kinds(found(a_level(ANA_ADDRESS, email_target("ben", "ben@example.com")))) == [FindingKind.ONE_CHANNEL]


def test_a_step_that_names_an_unverified_method_is_found():
    methods = (a_method("mail", "dan@example.com", SEEN), a_method("phone", "+4915100000001"))
    dan = a_person("dan", *methods, high_urgency_rule=a_rule((0, "mail"), (5, "phone")))
    findings = found(a_level(person_target("dan"), person_target("ana")), people=[dan])
    assert findings == [Finding(FindingKind.UNVERIFIED_STEP, "shop", person_id="dan", contact_method_id="phone")]


@pytest.mark.parametrize(("minutes", "late"), [(4, []), (5, [FindingKind.PAGE_TOO_LATE])])
def test_a_rule_that_waits_as_long_as_the_level_is_found(minutes, late):
    dan = both_ways("dan", low_urgency_rule=a_rule((minutes, "mail")))
    findings = found(a_level(person_target("dan"), person_target("ana"), minutes=5), people=[dan])
    assert kinds(findings) == late


def test_what_is_no_more_is_a_gap_for_ever():
    findings = found(a_level(SHOP), a_level(person_target("eve"), person_target("ana")))
    assert kinds(findings) == [
        FindingKind.SINGLE_POINT_OF_FAILURE,
        FindingKind.SCHEDULE_GAP,
        FindingKind.NO_VERIFIED_CONTACT_METHOD,
    ]
    assert findings[1].span == ALWAYS


def test_a_quarter_of_hourly_shifts_is_looked_at_in_no_time():
    schedule = a_schedule(a_layer("ana", "ben", unit=Unit.HOUR))
    levels = (a_level(SHOP), a_level(person_target("cem")))
    timetable = Timetable({("shop", None): schedule})
    outlook = Outlook(timetable, {person.person_id: person for person in TEAM}, START, timedelta(days=92))
    assert findings_of(FoundPolicy("shop", 1, levels), outlook) == []


@pytest.mark.parametrize("horizon", [timedelta(minutes=59), timedelta(days=92, seconds=1)])
def test_a_horizon_has_limits(horizon):
    with pytest.raises(InvalidField) as refused:
        checked_horizon(horizon)
    assert refused.value.field == "horizon"
