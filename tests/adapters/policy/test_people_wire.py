from datetime import UTC, datetime

from fakes.roster_builders import a_method, a_person, a_rule, people
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st

from pager_domain.errors import InvalidField
from pager_domain.policy.people import Person
from pager_grpc.gen.policy.v1 import people_service_pb2 as pb
from pager_grpc.policy import people_wire as wire
from pager_grpc.policy.wire_values import id_after_from, token_after
from pager_grpc.runtime.page_tokens import page_of

NOW = datetime(2026, 3, 1, 12, 30, 0, 123456, tzinfo=UTC)


@given(people)
def test_a_person_survives_the_wire(person):
    sent = wire.person_to(Person(person, 1, NOW, NOW)).SerializeToString()
    read = wire.definition_from(pb.Person.FromString(sent))
    assert read == person.verified_as(None)
    assert read.verified_as(person) == person


_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_spans = st.builds(Duration, seconds=st.integers(-(2**63), 2**63 - 1), nanos=st.integers(-(2**31), 2**31 - 1))
_steps = st.builds(pb.NotificationStep, delay=st.none() | _spans, contact_method_id=_texts)
_rules = st.builds(pb.NotificationRule, steps=st.lists(_steps, max_size=3), repeat_interval=st.none() | _spans)
_methods = st.builds(pb.ContactMethod, contact_method_id=_texts, email_address=_texts) | st.builds(
    pb.ContactMethod, contact_method_id=_texts, phone_number=_texts
)
_wire_people = st.builds(
    pb.Person,
    person_id=_texts,
    time_zone=_texts,
    contact_methods=st.lists(_methods, max_size=3),
    high_urgency_rule=st.none() | _rules,
    low_urgency_rule=st.none() | _rules,
)


@given(_wire_people)
def test_whatever_is_sent_is_a_person_or_a_named_fault(person):
    fault = None
    try:
        wire.definition_from(person)
    except InvalidField as refused:
        fault = refused
    assert fault is None or fault.field.startswith("person.")


def test_a_page_ends_early_when_its_people_are_large():
    methods = [a_method(f"{n:0255}", f"{n:060}@{'x' * 60}.{'y' * 60}.{'z' * 60}.com") for n in range(20)]
    rule = a_rule(*((n, method.contact_method_id) for n, method in enumerate(methods)))
    person = a_person("p", *methods, high_urgency_rule=rule, low_urgency_rule=rule)
    kept = [Person(person, 1, NOW, NOW)] * 500
    page, token = page_of(kept, wire.person_to, 500, token_after)
    assert 1 <= len(page) < 500
    assert sum(shown.ByteSize() for shown in page) < 4 * 1024 * 1024 - 100_000
    assert id_after_from(token) == "p"
    assert page_of(kept[:2], wire.person_to, 2, token_after)[1] == ""
