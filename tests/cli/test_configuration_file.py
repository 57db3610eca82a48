"""The configuration file: every fault with its path, what it says on the wire, and the schema that editors use."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from pager_cli import people_file, policy_file, schedule_file
from pager_cli.configuration_file import KEYS, read_configuration, written_configuration
from pager_cli.policy_file import PolicyFileFaults
from pager_cli.yaml_reading import UnreadableYaml, read_yaml
from pager_grpc.gen.policy.v1 import schedule_service_pb2 as schedules

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.yaml"))
SCHEMA = json.loads((ROOT / "pager_cli" / "configuration.schema.json").read_text(encoding="utf-8"))

ANA = "{id: ana, contacts: [{id: mail, email: ana@example.com}, {id: phone, sms: '+4915112345678'}]"
WEEKLY = "id: weekly, people: [ana, ben], every: 1 week, starts: 2026-11-02T09:00"


def faults_of(text):
    with pytest.raises(PolicyFileFaults) as caught:
        read_configuration(text)
    return caught.value.sentences


def a_layer(more="", layer=WEEKLY):
    return f"schedules: [{{id: shop, zone: Europe/Berlin, layers: [{{{layer}{more}}}]}}]"


def test_a_person_is_read_as_it_is_written():
    rules = "high_urgency: {steps: [{contact: mail}, {contact: phone, after: 2m}], repeat: 5m}"
    [person] = read_configuration(f"people: [{ANA}, name: Ana, zone: Europe/Berlin, {rules}}}]").people
    assert (person.person_id, person.display_name, person.time_zone) == ("ana", "Ana", "Europe/Berlin")
    assert [method.contact_method_id for method in person.contact_methods] == ["mail", "phone"]
    assert person.contact_methods[1].phone_number == "+4915112345678"
    steps = [(step.contact_method_id, step.delay.ToTimedelta()) for step in person.high_urgency_rule.steps]
    assert steps == [("mail", timedelta(0)), ("phone", timedelta(minutes=2))]
    assert person.high_urgency_rule.repeat_interval.ToTimedelta() == timedelta(minutes=5)
    assert not person.HasField("low_urgency_rule")


def test_a_schedule_is_read_as_it_is_written():
    more = ', only: [{days: [mon, fri], from: "09:00", to: "17:00"}], until: 2026-12-24T18:00:00+01:00'
    [schedule] = read_configuration(a_layer(more)).schedules
    [layer] = schedule.layers
    assert (layer.rotation.unit, layer.rotation.length) == (schedules.Rotation.UNIT_WEEK, 1)
    assert list(layer.rotation.person_ids) == ["ana", "ben"]
    assert layer.rotation.start_local_time == "2026-11-02T09:00"
    [part] = layer.restrictions
    assert (list(part.days), part.start_local_time, part.end_local_time) == ([1, 5], "09:00", "17:00")
    assert layer.end_time.ToJsonString() == "2026-12-24T17:00:00Z"
    assert not layer.HasField("start_time")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("people: [{name: Ana}]", "people[0].id: is required"),
        ("people: [{id: ana}, {id: ana}]", "people[1].id: 'ana' is the id at people[0].id already"),
        (f"people: [{ANA}, high_urgency: {{steps: []}}}}]", "people[0].high_urgency.steps: must be 1 to 20, not 0"),
        (
            f"people: [{ANA}, low_urgency: {{steps: [{{contact: pager}}]}}}}]",
            "people[0].low_urgency.steps[0].contact: 'pager' is not one of the contacts",
        ),
        (
            f"people: [{ANA}, high_urgency: {{steps: [{{contact: mail, after: 2m}}, {{contact: mail, after: 1m}}]}}}}]",
            "people[0].high_urgency.steps[1].after: must not be before that of the step before",
        ),
        (
            f"people: [{ANA}, high_urgency: {{steps: [{{contact: mail}}], repeat: 30s}}}}]",
            "people[0].high_urgency.repeat: must be 1m to 24h",
        ),
        ("people: [{id: ana, contacts: [{id: mail}]}]", "people[0].contacts[0]: must have either email or sms"),
        ("schedules: [{id: shop, zone: UTC}]", "schedules[0].layers: must be 1 to 20, not 0"),
        (
            a_layer(layer="id: l, people: [ana], every: 0 weeks, starts: 2026-11-02T09:00"),
            "schedules[0].layers[0].every: must be like 1 week, 2 days or 12 hours, at most 1000",
        ),
        (
            a_layer(layer="id: l, people: [ana], every: 1 week, starts: 2026-11-02"),
            "schedules[0].layers[0].starts: must be text: write it in quotes, not datetime.date(2026, 11, 2)",
        ),
        (a_layer(", only: [{days: [monday]}]"), "schedules[0].layers[0].only[0].days[0]: must be one of mon, tue,"),
        (a_layer(", only: [{from: 9}]"), "schedules[0].layers[0].only[0].from: must be text: write it in quotes"),
        (a_layer(", from: 2026-12-24T18:00"), "schedules[0].layers[0].from: must be a moment with its offset"),
        ("teams: []", "teams: is not known; known are people, schedules, policies"),
    ],
)
def test_a_fault_is_told_with_its_path(text, fault):
    assert [sentence[: len(fault)] for sentence in faults_of(text)] == [fault]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_without_fault_and_written_as_they_are_read(path):
    said = read_configuration(path.read_text(encoding="utf-8"))
    assert said.escalation_policies
    assert read_configuration(written_configuration(said)) == said


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_fit_the_schema(path):
    document = read_yaml(path.read_text(encoding="utf-8"))
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(document)] == []


@pytest.mark.parametrize(
    "text",
    [
        "people: [{name: Ana}]",
        "people: [{id: ana, contacts: [{id: mail}]}]",
        a_layer(layer="id: l, people: [], every: 1 week, starts: 2026-11-02T09:00"),
        a_layer(", only: [{days: [monday]}]"),
        "policies: [{id: shop, levels: []}]",
        "policies: [{id: shop, levels: [{targets: [{email: ana@example.com}]}]}]",
        "teams: []",
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(text):
    assert faults_of(text)
    assert not Draft202012Validator(SCHEMA).is_valid(read_yaml(text))


def test_the_schema_knows_the_keys_that_the_reader_knows():
    known = {
        "person": people_file._PERSON,
        "contact": people_file._CONTACT,
        "rule": people_file._RULE,
        "schedule": schedule_file._SCHEDULE,
        "layer": schedule_file._LAYER,
        "restriction": schedule_file._RESTRICTION,
        "policy": policy_file._POLICY,
        "level": policy_file._LEVEL,
        "target": policy_file._TARGET,
    }
    assert set(SCHEMA["properties"]) == set(KEYS)
    assert {name: set(SCHEMA["$defs"][name]["properties"]) for name in known} == {
        name: set(keys) for name, keys in known.items()
    }


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("!!timestamp x", "that is no timestamp"),
        ("!!bool x", "that is no bool"),
        ("!!int x", "that is no int"),
        ("!!int ''", "that is no int"),
        ("!!float x", "that is no float"),
        ("!!set x", "expected a mapping node, but found scalar"),
        ("2026-13-45", "that is no timestamp"),
        ("0001-01-01T00:00:00+23:59", "that is no timestamp"),
        ("9999-12-31T23:59:59-23:59", "that is no timestamp"),
    ],
)
def test_a_value_that_its_tag_does_not_fit_is_refused_where_it_stands(value, said):
    with pytest.raises(UnreadableYaml, match=f"^line 2, column 6: {said}$"):
        read_yaml(f"people:\n- a: {value}\n")


def test_a_moment_in_quotes_that_is_none_of_utc_is_refused_where_it_stands():
    layer = "{id: l, people: [ana], every: 1 week, starts: 2026-11-02T09:00, from: '0001-01-01T00:00:00+23:59'}"
    with pytest.raises(PolicyFileFaults) as faulty:
        read_configuration(f"schedules: [{{id: s, zone: UTC, layers: [{layer}]}}]")
    assert faulty.value.sentences[0].startswith("schedules[0].layers[0].from: must be a moment with its offset")
