"""What a level may name, and that names cannot run in a circle."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest
from fakes.policy_builders import ANA, ANA_PHONE, a_level, a_policy

from pager_domain.errors import InvalidField
from pager_domain.policy.errors import TargetUnknown
from pager_domain.policy.levels import (
    EscalationLevel,
    PersonTarget,
    ScheduleTarget,
    Selection,
    email_target,
    person_target,
    require_known,
    schedule_target,
)
from pager_domain.policy.model import POLICIES
from pager_domain.policy.schedules import Add, Remove, Replace, Rotation

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_person_or_a_schedule_is_called_by_its_id_unless_said():
    assert person_target("ana").target_id == "ana"
    assert schedule_target("shop", "duty").target_id == "duty"


@pytest.mark.parametrize(
    ("targets", "what"),
    [
        ((ANA, email_target("b", "ANA@example.com")), "address"),
        ((ANA_PHONE, ANA_PHONE), "target_id"),
        ((person_target("ana"), person_target("ana", "b")), "person"),
        ((schedule_target("shop"), schedule_target("shop", "b")), "schedule"),
        ((person_target("shop"), schedule_target("shop")), "target_id"),
    ],
)
def test_a_level_names_nobody_twice(targets, what):
    with pytest.raises(InvalidField) as refused:
        EscalationLevel(targets)
    assert (refused.value.field, refused.value.limit) == ("targets", f"must not name the same {what} twice")


def test_a_person_and_a_schedule_of_one_id_are_two():
    assert len(a_level(person_target("shop"), schedule_target("shop", "duty")).targets) == 2


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: person_target(""), "person_id"),
        (lambda: person_target("x" * 256), "person_id"),
        (lambda: schedule_target("", "duty"), "schedule_id"),
        (lambda: person_target("ana", "x" * 256), "target_id"),
    ],
)
def test_a_target_names_the_field_that_it_refuses(make, field):
    with pytest.raises(InvalidField) as refused:
        make()
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"acknowledgement_expiry": timedelta(seconds=59)}, "acknowledgement_expiry"),
        ({"acknowledgement_expiry": timedelta(days=7, seconds=1)}, "acknowledgement_expiry"),
        ({"reopen_window": timedelta(0)}, "reopen_window"),
        ({"reopen_window": timedelta(hours=24, seconds=1)}, "reopen_window"),
    ],
)
def test_the_spans_of_a_policy_have_limits(change, field):
    with pytest.raises(InvalidField) as refused:
        a_policy(**change)
    assert refused.value.field == field


def test_whoever_is_named_must_be_there_and_the_first_who_is_not_is_told_with_the_place():
    levels = (a_level(), a_level(ANA, person_target("ana"), schedule_target("shop")))
    require_known(levels, {"ana"}, {"shop"})
    with pytest.raises(TargetUnknown) as refused:
        require_known(levels, {"ben"}, {"shop"})
    assert refused.value.metadata == {
        "field": "levels[1].targets[1].person_id",
        "named_kind": "person",
        "named_id": "ana",
    }
    with pytest.raises(TargetUnknown) as refused:
        require_known(levels, {"ana"}, {})
    assert refused.value.field == "levels[1].targets[2].schedule_id"


def test_names_cannot_run_in_a_circle_because_a_schedule_names_people_only():
    assert {f.name for f in fields(ScheduleTarget)} == {"target_id", "schedule_id"}
    assert {f.name for f in fields(PersonTarget)} == {"target_id", "person_id"}
    named = {f.name: str(f.type) for kind in (Rotation, Add, Remove, Replace) for f in fields(kind)}
    assert "PersonId" in named["people"]
    assert "PersonId" in named["person_id"]
    assert not [name for name, kind in named.items() if "ScheduleId" in kind or "PolicyId" in kind]


def test_a_policy_that_uses_something_new_has_another_etag():
    definitions = [
        a_policy(),
        a_policy(levels=(a_level(person_target("ana")),)),
        a_policy(levels=(a_level(schedule_target("ana")),)),
        a_policy(levels=(a_level(person_target("ana", "b")),)),
        a_policy(levels=(a_level(selection=Selection.ROUND_ROBIN),)),
        a_policy(acknowledgement_expiry=timedelta(hours=1)),
        a_policy(reopen_window=timedelta(hours=1)),
        a_policy(acknowledgement_expiry=timedelta(hours=1), reopen_window=timedelta(hours=1)),
    ]
    etags = {POLICIES.made(definition, 1, NOW, NOW).etag for definition in definitions}
    assert len(etags) == len(definitions)
