"""The policies of a configuration file: every fault with its path, and what it says on the wire."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pager_cli.configuration_file import read_configuration
from pager_cli.policy_file import PolicyFileFaults, written_policies
from pager_cli.yaml_reading import write_yaml
from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb

LEVELS = "levels: [{targets: [{id: ana, email: ana@example.com}]}]"


def read_policies(text):
    return list(read_configuration(text).escalation_policies)


def faults_of(text):
    with pytest.raises(PolicyFileFaults) as caught:
        read_policies(text)
    return caught.value.sentences


def test_a_policy_is_read_as_it_is_written():
    (policy,) = read_policies(
        """
        policies:
          - id: shop
            name: Shop on-call
            services: [payments, checkout]
            default: true
            repeat: 2
            levels:
              - ack_timeout: 90s
                targets: [{id: ana-mail, email: ana@example.com}, {id: ana-phone, sms: "+4915112345678"}]
              - targets: [{id: ben, email: ben@example.com}]
        """
    )
    assert (policy.policy_id, policy.display_name, policy.repeat_count) == ("shop", "Shop on-call", 2)
    assert (list(policy.monitored_service_ids), policy.default_policy) == (["payments", "checkout"], True)
    first, second = policy.levels
    assert first.acknowledgement_timeout.ToTimedelta() == timedelta(seconds=90)
    assert [target.target_id for target in first.targets] == ["ana-mail", "ana-phone"]
    assert first.targets[1].sms.phone_number == "+4915112345678"
    assert second.acknowledgement_timeout.ToTimedelta() == timedelta(minutes=15)


def test_people_and_schedules_are_named_and_called_by_their_ids_unless_said():
    (policy,) = read_policies(
        """
        policies:
          - id: shop
            ack_expires: 4h
            reopen_window: 5m
            levels:
              - targets: [{schedule: shop-primary}]
              - select: round_robin
                targets: [{person: ana}, {id: second, person: ben}]
              - select: all
                targets: [{person: cem}]
        """
    )
    assert policy.acknowledgement_expiry.ToTimedelta() == timedelta(hours=4)
    assert policy.reopen_window.ToTimedelta() == timedelta(minutes=5)
    first, second, third = policy.levels
    assert (first.targets[0].target_id, first.targets[0].schedule.schedule_id) == ("shop-primary", "shop-primary")
    assert [(target.target_id, target.person.person_id) for target in second.targets] == [
        ("ana", "ana"),
        ("second", "ben"),
    ]
    assert second.selection == pb.EscalationLevel.SELECTION_ROUND_ROBIN
    assert first.selection == third.selection == pb.EscalationLevel.SELECTION_UNSPECIFIED
    written = written_policies([policy])
    assert read_policies(written) == [policy]
    assert "{person: ana}" in written or "- person: ana" in written


def test_the_faults_of_what_is_new_are_told_with_their_paths():
    assert faults_of(
        """
        policies:
          - id: shop
            ack_expires: 8d
            reopen_window: soon
            levels:
              - select: [all]
                targets: [{person: ana}, {id: b, person: ana}, {schedule: shop, email: a@b}, {schedule: ""}]
        """
    ) == [
        "policies[0].levels[0].targets[2]: must have one of email, sms, person and schedule",
        "policies[0].levels[0].targets[3].schedule: is required",
        "policies[0].levels[0].targets[1]: 'ana' stands at policies[0].levels[0].targets[0] already",
        "policies[0].levels[0].select: must be all or round_robin",
        "policies[0].ack_expires: must be 1m to 168h",
        "policies[0].reopen_window: must be a number of seconds or a duration like 90s, 15m or 1h30m",
    ]


def test_the_example_file_is_without_fault():
    example = Path(__file__).parents[2] / "examples" / "policies.yaml"
    assert [policy.policy_id for policy in read_policies(example.read_text(encoding="utf-8"))]


def test_every_fault_is_told_at_once_with_its_path():
    assert faults_of(
        """
        version: 1
        policies:
          - id: shop
            nmae: Shop
            services: [payments, payments, 7]
            default: "yes"
            repeat: 101
            levels:
              - ack_timeout: 25h
                targets:
                  - {id: ana, email: ana}
                  - {id: ana, sms: +4915112345678}
                  - {id: ben}
                  - {id: cem, email: c@example.com, sms: "+4915112345678"}
              - ack_timeout: soon
                targets: []
              - everybody
          - id: shop
            default: true
            services: [payments]
            levels: []
          - name: nobody
            default: true
            levels: 3
        """
    ) == [
        "version: is not known; known are people, schedules, policies",
        (
            "policies[0].nmae: is not known; known are id, name, services, default, repeat, ack_expires, reopen_window,"
            " levels"
        ),
        "policies[0].repeat: must be a whole number from 0 to 100",
        "policies[0].default: must be true or false",
        "policies[0].services[2]: must be text: write it in quotes, not 7",
        "policies[0].levels[0].targets[0].email: must be an e-mail address like ana@example.com",
        "policies[0].levels[0].targets[1].sms: must be text: write it in quotes, not 4915112345678",
        "policies[0].levels[0].targets[2]: must have one of email, sms, person and schedule",
        "policies[0].levels[0].targets[3]: must have one of email, sms, person and schedule",
        "policies[0].levels[0].targets[1].id: 'ana' stands at policies[0].levels[0].targets[0].id already",
        "policies[0].levels[0].ack_timeout: must be 1s to 24h",
        "policies[0].levels[1].targets: must be 1 to 50, not 0",
        "policies[0].levels[1].ack_timeout: must be a number of seconds or a duration like 90s, 15m or 1h30m",
        "policies[0].levels[2]: must be a mapping with ack_timeout, select, targets",
        "policies[1].levels: must be 1 to 20, not 0",
        "policies[2].id: is required",
        "policies[2].levels: must be a list",
        "policies[1].id: 'shop' is the id at policies[0].id already",
        "policies[2].default: only one policy can be the default; policies[1].default is one already",
        "policies[0].services[1]: 'payments' is covered at policies[0].services[0] already",
        "policies[1].services[0]: 'payments' is covered at policies[0].services[0] already",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "the file: must be a mapping with people, schedules, policies"),
        ("[]", "the file: must be a mapping with people, schedules, policies"),
        ("policies: [", "line 1, column 12: "),
        ("a: 1\n---\nb: 2", "line 2, column 1: but found another document"),
        ("policies:\n- {id: a, id: b}", "line 2, column 11: the key 'id' stands twice in one mapping"),
        (f'policies: [{{id: "{"x" * 256}", {LEVELS}}}]', "policies[0].id: must be at most 255 bytes"),
        (f'policies: [{{id: "a\\nb", {LEVELS}}}]', "policies[0].id: must not contain control characters"),
        (f'policies: [{{id: "\\ud800", {LEVELS}}}]', ""),
        ("policies: &a [*a]", "policies[0]: must be a mapping with"),
        ("[" * 5000, ""),
        ("a: \x01", ""),
    ],
)
def test_a_file_that_is_no_policy_file_is_one_fault(text, fault):
    (sentence,) = faults_of(text)
    assert sentence.startswith(fault)


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(str.strip)
TARGETS = st.lists(
    st.builds(lambda name: {"id": name, "email": f"a{abs(hash(name))}@example.com"}, TEXT),
    min_size=1,
    max_size=3,
    unique_by=lambda target: target["id"],
)
POLICIES = st.lists(
    st.fixed_dictionaries(
        {
            "id": TEXT,
            "name": TEXT,
            "repeat": st.integers(0, 100),
            "levels": st.lists(
                st.fixed_dictionaries({"ack_timeout": st.integers(1, 86400), "targets": TARGETS}),
                min_size=1,
                max_size=3,
            ),
        }
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda policy: policy["id"],
)


@given(POLICIES)
def test_what_is_written_is_read_back(policies):
    read = read_policies(write_yaml({"policies": policies}))
    assert read_policies(written_policies(read)) == read


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["id", "levels", "targets", "services", "email", "sms"]), inner, max_size=3),
    ),
)


@given(VALUES)
def test_no_document_does_more_than_be_refused(value):
    with pytest.raises(PolicyFileFaults):
        read_policies(write_yaml({"policies": value, "more": 1}))


def test_a_level_without_a_timeout_is_written_with_the_default():
    level = pb.EscalationLevel(
        targets=[pb.NotificationTarget(target_id="ana", email=pb.EmailTarget(email_address="a@b"))]
    )
    assert "ack_timeout: 15m" in written_policies([pb.EscalationPolicy(policy_id="shop", levels=[level])])
