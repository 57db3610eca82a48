from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from fakes.roster_builders import ANA_MAIL, ANA_PHONE, a_method, a_person, a_rule, people, refused_field
from hypothesis import given

from pager_domain.policy.errors import PersonExists, PersonStale, PersonUnknown
from pager_domain.policy.people import PEOPLE, ContactMethod, NotificationRule, NotificationStep
from pager_domain.policy.revisions import Record

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
VERIFIED_MAIL = replace(ANA_MAIL, verified_at=NOW)


def created(definition=None):
    return Record(PEOPLE, "ana").create(definition or a_person(), NOW)


def record_of(person):
    return Record(PEOPLE, person.entry_id, person.revision, person)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"person_id": " "}, "person_id"),
        ({"person_id": "x" * 256}, "person_id"),
        ({"person_id": "a\nb"}, "person_id"),
        ({"display_name": "ä" * 128}, "display_name"),
        ({"time_zone": "Europe/Atlantis"}, "time_zone"),
        ({"time_zone": "../secret"}, "time_zone"),
        ({"time_zone": "Europe"}, "time_zone"),
        ({"time_zone": "x" * 5000}, "time_zone"),
        ({"high_urgency_rule": a_rule((0, "mail"), (1, "fax"))}, "high_urgency_rule.steps[1].contact_method_id"),
        ({"low_urgency_rule": a_rule((0, "fax"))}, "low_urgency_rule.steps[0].contact_method_id"),
    ],
)
def test_a_person_refuses_what_is_malformed_by_its_field(change, field):
    assert refused_field(lambda: a_person(**change)) == field


@pytest.mark.parametrize(
    ("methods", "field"),
    [
        ([a_method(f"m{n}", f"a{n}@example.com") for n in range(21)], "contact_methods"),
        ([ANA_MAIL, a_method("mail", "other@example.com")], "contact_methods[1].contact_method_id"),
        ([ANA_MAIL, ANA_PHONE, a_method("m", "Ana@EXAMPLE.com")], "contact_methods[2].email_address"),
        ([ANA_PHONE, a_method("p", ANA_PHONE.address.value)], "contact_methods[1].phone_number"),
    ],
)
def test_contact_methods_have_one_id_and_one_address_each(methods, field):
    assert refused_field(lambda: a_person("ana", *methods)) == field


def test_twenty_contact_methods_and_steps_are_taken():
    methods = [a_method(f"m{n}", f"a{n}@example.com") for n in range(20)]
    rule = a_rule(*((n, f"m{n}") for n in range(20)), repeat_minutes=1)
    assert a_person("ana", *methods, high_urgency_rule=rule).high_urgency_rule == rule


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: a_method("", "ana@example.com"), "contact_method_id"),
        (lambda: ContactMethod("mail", ANA_MAIL.address, NOW.replace(tzinfo=None)), "verify_time"),
        (lambda: NotificationStep(timedelta(seconds=-1), "mail"), "delay"),
        (lambda: NotificationStep(timedelta(hours=24, microseconds=1), "mail"), "delay"),
        (lambda: NotificationStep(timedelta(), ""), "contact_method_id"),
        (lambda: NotificationRule(()), "steps"),
        (lambda: a_rule(*((n, "mail") for n in range(21))), "steps"),
        (lambda: a_rule((0, "mail"), (5, "phone"), (4, "mail")), "steps[2].delay"),
        (lambda: a_rule((0, "mail"), (0, "phone"), (0, "mail")), "steps[2]"),
        (lambda: a_rule((0, "mail"), repeat_minutes=0), "repeat_interval"),
        (lambda: a_rule((0, "mail"), repeat_minutes=24 * 60 + 1), "repeat_interval"),
    ],
)
def test_the_parts_of_a_person_refuse_what_is_malformed_by_its_field(make, field):
    assert refused_field(make) == field


def test_a_person_may_have_two_methods_at_once_and_one_of_them_again():
    rule = a_rule((0, "mail"), (0, "phone"), (5, "mail"))
    assert a_person("ana", ANA_MAIL, ANA_PHONE, low_urgency_rule=rule).low_urgency_rule == rule


def test_a_contact_method_whose_address_stays_keeps_its_verification():
    before = a_person("ana", VERIFIED_MAIL, ANA_PHONE)
    wanted = a_person("ana", ANA_PHONE, a_method("work", "ANA@example.com"), a_method("home", "ana@example.org"))
    assert [method.verified_at for method in wanted.verified_as(before).contact_methods] == [None, NOW, None]


def test_nobody_says_of_a_contact_method_that_it_is_verified():
    claimed = a_person("ana", VERIFIED_MAIL, replace(ANA_PHONE, verified_at=LATER))
    assert claimed.verified_as(None) == a_person("ana", ANA_MAIL, ANA_PHONE)
    before = a_person("ana", VERIFIED_MAIL, ANA_PHONE)
    assert claimed.verified_as(before) == before


def test_a_new_address_under_an_old_id_is_not_verified():
    wanted = a_person("ana", a_method("mail", "ana@example.org"))
    assert wanted.verified_as(a_person("ana", VERIFIED_MAIL)) == wanted


def test_one_contact_method_is_verified_and_the_others_stay():
    person = a_person("ana", ANA_MAIL, ANA_PHONE)
    assert person.with_verified("mail", NOW) == a_person("ana", VERIFIED_MAIL, ANA_PHONE)


@given(people)
def test_what_was_verified_stays_when_nothing_changes(person):
    assert person.verified_as(person) == person


def test_a_person_is_created_once():
    person = created()
    assert (person.revision, person.create_time, person.update_time) == (1, NOW, NOW)
    with pytest.raises(PersonExists):
        record_of(person).create(a_person(), LATER)
    assert Record(PEOPLE, "ana", last_revision=3).create(a_person(), LATER).revision == 4


def test_a_change_makes_a_revision_and_no_change_makes_none():
    person = created()
    assert record_of(person).update(a_person(), person.etag, LATER) is person
    changed = record_of(person).update(a_person(display_name="Ana"), person.etag, LATER)
    assert (changed.revision, changed.create_time, changed.update_time) == (2, NOW, LATER)


def test_a_person_changes_only_for_whoever_read_the_newest_revision():
    person = created()
    changed = record_of(person).update(a_person(display_name="Ana"), person.etag, LATER)
    with pytest.raises(PersonStale):
        record_of(changed).update(a_person(), person.etag, LATER)
    with pytest.raises(PersonUnknown):
        Record(PEOPLE, "ana", last_revision=2).update(a_person(), changed.etag, LATER)


def test_an_etag_tells_every_change_apart():
    base = a_person("ana", ANA_MAIL, ANA_PHONE)
    variants = [
        base,
        replace(base, display_name="Ana"),
        replace(base, time_zone="UTC"),
        replace(base, contact_methods=(ANA_PHONE, ANA_MAIL)),
        replace(base, contact_methods=(VERIFIED_MAIL, ANA_PHONE)),
        replace(base, high_urgency_rule=a_rule((0, "mail"))),
        replace(base, low_urgency_rule=a_rule((0, "mail"))),
        replace(base, low_urgency_rule=a_rule((1, "mail"))),
        replace(base, low_urgency_rule=a_rule((0, "mail"), repeat_minutes=5)),
    ]
    etags = {created(variant).etag for variant in variants}
    etags.add(Record(PEOPLE, "ana", last_revision=1).create(base, NOW).etag)
    assert len(etags) == len(variants) + 1
    assert created(base).etag == created(a_person("ana", ANA_MAIL, ANA_PHONE)).etag


def test_the_etag_of_a_person_is_the_same_from_every_release():
    person = a_person("ana", VERIFIED_MAIL, ANA_PHONE, high_urgency_rule=a_rule((0, "mail"), (3, "phone")))
    assert created(person).etag == "a1c4d61195f5d2a8c610c3f87d063dee"
