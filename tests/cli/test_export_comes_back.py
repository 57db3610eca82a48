"""Whatever the policy service takes is written into the file so that it is read back as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pager_cli.configuration_file import read_configuration, written_configuration
from pager_domain.errors import InvalidField
from pager_domain.kernel import checked_id, checked_text
from pager_grpc.gen.policy.v1 import configuration_service_pb2 as pb
from pager_grpc.gen.policy.v1 import people_service_pb2 as people
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policies
from pager_grpc.gen.policy.v1 import schedule_service_pb2 as schedules
from pager_grpc.policy import people_wire, schedule_wire, wire

BREAKS = "\t\n\r\x85\xa0\u2028\u2029\ufeff"


def _taken(check):
    def is_taken(text):
        try:
            check(text)
        except InvalidField:
            return False
        return True

    return is_taken


_characters = st.characters(exclude_categories=["Cs"]) | st.sampled_from(" :#'\"\\-?~@%" + BREAKS)
_words = st.sampled_from(["null", "~", "yes", "1", "09:00", "2026-11-02", "=", "<<", "- a", "a: b", "!x", "&a", "..."])
_texts = st.text(_characters, max_size=120) | _words
ids = _texts.filter(_taken(lambda text: checked_id("id", text)))
names = _texts.filter(_taken(lambda text: checked_text("display_name", text, 255)))
_clocks = st.times().map(lambda time: time.isoformat(timespec="seconds"))


def a_person(person_id, name):
    return people.Person(
        person_id=person_id,
        display_name=name,
        contact_methods=[people.ContactMethod(contact_method_id=person_id, email_address="ana@example.com")],
    )


def a_schedule(schedule_id, person_id, name, start="", end=""):
    rotation = schedules.Rotation(
        person_ids=[person_id],
        unit=schedules.Rotation.UNIT_DAY,
        length=1,
        start_local_time="2026-11-02T09:00:30",
    )
    restriction = schedules.Restriction(start_local_time=start, end_local_time=end)
    layer = schedules.Layer(layer_id=person_id, rotation=rotation, restrictions=[restriction])
    return schedules.Schedule(schedule_id=schedule_id, display_name=name, time_zone="UTC", layers=[layer])


def a_policy(policy_id, service_id, name):
    target = policies.NotificationTarget(target_id=service_id, schedule=policies.ScheduleTarget(schedule_id=policy_id))
    level = policies.EscalationLevel(targets=[target])
    level.acknowledgement_timeout.FromSeconds(60)
    return policies.EscalationPolicy(
        policy_id=policy_id, display_name=name, monitored_service_ids=[service_id], levels=[level]
    )


def is_read_back(**said):
    exported = pb.ApplyConfigurationRequest(**said)
    return read_configuration(written_configuration(exported)) == exported


@given(ids, names)
def test_a_person_comes_back(person_id, name):
    people_wire.definition_from(a_person(person_id, name))
    assert is_read_back(people=[a_person(person_id, name)])


@given(ids, ids, names, _clocks, _clocks)
def test_a_schedule_comes_back(schedule_id, person_id, name, start, end):
    schedule = a_schedule(schedule_id, person_id, name, start, end)
    schedule_wire.definition_from(schedule)
    assert is_read_back(schedules=[schedule])


@given(ids.filter(lambda policy_id: not policy_id.startswith("person/")), ids, names)
def test_a_policy_comes_back(policy_id, service_id, name):
    wire.definition_from(a_policy(policy_id, service_id, name))
    assert is_read_back(escalation_policies=[a_policy(policy_id, service_id, name)])


@pytest.mark.parametrize("character", BREAKS)
@pytest.mark.parametrize("text", ["a{}b", "{}a", "a{}", "a {} b", "a{0}{0}b", "# {}a"])
def test_a_name_with_what_yaml_takes_for_white_space_comes_back(text, character):
    assert is_read_back(people=[a_person("ana", text.format(character))])


@pytest.mark.parametrize("character", "\x85\u2028\u2029")
def test_an_id_with_a_line_end_of_unicode_stays_the_id_of_the_same_person(character):
    assert is_read_back(people=[a_person(f"ana{character}b", "")], schedules=[a_schedule("s", f"ana{character}b", "")])


def test_part_of_a_day_may_begin_and_end_at_a_second():
    assert is_read_back(schedules=[a_schedule("s", "ana", "", "09:00:30", "17:00:01")])
