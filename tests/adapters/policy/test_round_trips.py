import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from fakes.policy_builders import a_policy, definitions
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st

from pager_domain.errors import InvalidField
from pager_domain.policy.directory import found_in
from pager_domain.policy.model import EscalationPolicy
from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb
from pager_grpc.policy import wire
from pager_grpc.policy.documents import definition_in, document_of, found_policy_in
from pager_grpc.runtime.page_tokens import encode_token

NOW = datetime(2026, 3, 1, 12, 30, 0, 123456, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(definitions)
def test_a_policy_survives_the_wire(definition):
    sent = wire.policy_to(EscalationPolicy(definition, 1, NOW, NOW)).SerializeToString()
    assert wire.definition_from(pb.EscalationPolicy.FromString(sent)) == definition


@given(definitions)
def test_a_policy_survives_its_document(definition):
    document = json.loads(json.dumps(document_of(definition)))
    services, default = definition.monitored_service_ids, definition.default_policy
    present = {"monitored_service_ids": services, "default_policy": default}
    assert definition_in(definition.policy_id, document, **present) == definition
    assert found_policy_in(definition.policy_id, 3, document) == found_in(definition, 3)


def test_a_document_of_before_there_were_people_reads_as_it_always_did():
    stored = {
        "display_name": "Shop",
        "repeat_count": 1,
        "levels": [
            {
                "acknowledgement_timeout_seconds": 900.0,
                "targets": [{"target_id": "ana-mail", "email_address": "ana@example.com"}],
            }
        ],
    }
    policy = a_policy("shop", display_name="Shop", repeat_count=1)
    assert document_of(policy) == stored
    assert definition_in(policy.policy_id, stored) == policy


@given(st.integers(1, 2**62), st.timedeltas(timedelta(0), timedelta(days=80_000)).map(lambda t: EPOCH + t))
def test_what_only_the_server_says_survives_the_wire(revision, moment):
    policy = EscalationPolicy(a_policy(), revision, moment, moment + timedelta(seconds=1))
    sent = wire.policy_to(policy)
    assert (sent.revision, sent.etag) == (revision, policy.etag)
    assert sent.create_time.ToDatetime(UTC) == moment
    assert sent.update_time.ToDatetime(UTC) == policy.update_time


def test_a_page_ends_early_when_its_policies_are_large():
    services = [f"{number:0200}" for number in range(4000)]
    policies = [EscalationPolicy(a_policy(f"p{n}", *services), 1, NOW, NOW) for n in range(6)]
    page = wire.page_to(policies, 50)
    assert 1 <= len(page.escalation_policies) < 6
    assert page.ByteSize() < 4 * 1024 * 1024
    assert wire.after_from(page.next_page_token) == page.escalation_policies[-1].policy_id


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_spans = st.builds(Duration, seconds=st.integers(-(2**63), 2**63 - 1), nanos=st.integers(-(2**31), 2**31 - 1))
_targets = st.builds(
    pb.NotificationTarget, target_id=_texts, email=st.builds(pb.EmailTarget, email_address=_texts)
) | st.builds(pb.NotificationTarget, target_id=_texts)
_levels = st.builds(
    pb.EscalationLevel, targets=st.lists(_targets, max_size=3), acknowledgement_timeout=st.none() | _spans
)
_wire_policies = st.builds(
    pb.EscalationPolicy,
    policy_id=_texts,
    levels=st.lists(_levels, max_size=3),
    repeat_count=st.integers(-(2**31), 2**31 - 1),
    monitored_service_ids=st.lists(_texts, max_size=3),
)


@given(_wire_policies)
def test_whatever_is_sent_is_a_policy_or_a_named_fault(policy):
    fault = None
    try:
        wire.definition_from(policy)
    except InvalidField as refused:
        fault = refused
    assert fault is None or fault.field.startswith("escalation_policy.")


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**31), 2**31 - 1))
def test_a_span_is_taken_only_between_a_second_and_a_day(seconds, nanos):
    level = pb.EscalationLevel(acknowledgement_timeout=Duration(seconds=seconds, nanos=nanos))
    level.targets.add(target_id="ana", email=pb.EmailTarget(email_address="ana@example.com"))
    with pytest.raises(InvalidField) as refused:
        wire.definition_from(pb.EscalationPolicy(policy_id="shop", levels=[level] * 2, repeat_count=101))
    inside = 1 <= seconds <= 86_400 and 0 <= nanos < 10**9 and (seconds < 86_400 or nanos < 1000)
    expected = "repeat_count" if inside else "levels[0].acknowledgement_timeout"
    assert refused.value.field == f"escalation_policy.{expected}"


@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda noise: base64.urlsafe_b64encode(noise).decode()))
def test_a_made_up_page_token_is_refused_by_name(token):
    fault = None
    try:
        wire.after_from(token)
    except InvalidField as refused:
        fault = refused
    assert fault is None or fault.field == "page_token"


@pytest.mark.parametrize("key", ["", "\x00", "\ud800", "x" * 256])
def test_a_page_token_that_holds_no_policy_id_is_refused(key):
    with pytest.raises(InvalidField):
        wire.after_from(encode_token(key))
