import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from fakes.policy_builders import ANA, a_policy
from fakes.roster_builders import a_person, a_schedule
from hypothesis import given
from hypothesis import strategies as st

from pager_domain.changes.model import Change, ObjectKind, change_between
from pager_domain.errors import InvalidField
from pager_domain.kernel import EmailAddress, PhoneNumber
from pager_domain.pager.maintenance import MaintenanceWindow, MaintenanceWindowId, Recurring
from pager_domain.policy.people import ContactMethod, ContactMethodId

MAIL = ContactMethodId("mail")


def reached_at(*addresses):
    return a_person("ana", *(ContactMethod(ContactMethodId(f"m{n}"), each) for n, each in enumerate(addresses)))


def between(before, after):
    return change_between(ObjectKind.PERSON, "ana", before, after)


def test_what_is_new_is_told_whole_and_what_ended_too():
    made, ended = between(None, a_person("ana", display_name="Ana")), between(a_person("ana", display_name="Ana"), None)
    assert made.before is None
    assert ended.after is None
    assert made.after == ended.before
    assert made.after["display_name"] == "Ana"


def test_of_an_update_only_the_fields_that_differ_are_told():
    before = a_person("ana", display_name="Ana")
    change = between(before, replace(before, display_name="Ana B."))
    assert (change.before, change.after) == ({"display_name": "Ana"}, {"display_name": "Ana B."})


def test_a_field_that_came_or_went_is_told_on_one_side():
    before = a_person("ana", display_name="")
    assert between(before, replace(before, display_name="Ana")).before == {}
    assert between(replace(before, display_name="Ana"), before).after == {}


def test_no_change_is_no_change():
    assert between(a_person("ana"), a_person("ana")) is None
    with pytest.raises(InvalidField):
        Change(ObjectKind.PERSON, "ana", {"a": 1}, {"a": 1})


def test_addresses_are_told_by_hints_and_another_one_with_the_same_hint_is_seen():
    one, other = EmailAddress("ana@example.com"), EmailAddress("anna@example.com")
    change = between(reached_at(one), reached_at(other))
    [was], [is_now] = change.before["contact_methods"], change.after["contact_methods"]
    assert (was["address"], is_now["address"]) == ("…@example.com", "…@example.com (2)")
    number = between(None, reached_at(PhoneNumber("+4915112345678")))
    assert "…78" in str(number.after)
    assert "1234" not in str(number.after)


@given(st.from_regex(r"[a-z]{6,20}", fullmatch=True), st.from_regex(r"\+[1-9][0-9]{9,14}", fullmatch=True))
def test_no_address_is_ever_told(name, number):
    told = json.dumps(between(None, reached_at(EmailAddress(f"{name}@a.bc"), PhoneNumber(number))).after)
    assert f"{name}@" not in told
    assert number[1:-2] not in told


def test_every_kind_of_configuration_can_be_told_as_json():
    nightly = Recurring(time(2, 30), timedelta(hours=1), "Europe/Berlin", frozenset({7, 6}))
    window = MaintenanceWindow(MaintenanceWindowId("w"), ("checkout",), nightly, "ana")
    for value in (a_policy("p", "checkout", default_policy=True), a_person("ana"), a_schedule("s", "ana"), window):
        told = change_between(ObjectKind.SCHEDULE, "x", None, value).after
        assert json.loads(json.dumps(told)) == told
    assert told["when"] == {
        "start": "02:30:00",
        "length": "3600s",
        "time_zone": "Europe/Berlin",
        "days": [6, 7],
    }
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    verified = ContactMethod(MAIL, ANA.address, moment)
    assert moment.isoformat() in str(between(None, a_person("ana", verified)).after)
