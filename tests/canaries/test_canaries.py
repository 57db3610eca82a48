"""Secrets, addresses and words go through three real rooms, past refusals, crashes, outages; then all is searched."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from canaries import strings
from canaries.strings import (
    ADDRESSES,
    DETAILS,
    MAIL,
    NOTE,
    NUMBER,
    SECRETS,
    SERVICE_KEYS,
    TEXT,
    WORDS,
    WRONG_KEY,
    found_in,
)
from canaries.world import GATEWAY_LOGIN, WorldOfCanaries, dumped, with_password
from end_to_end.conftest import postgres_databases  # noqa: F401 - a fixture
from end_to_end.world import eventually
from sealed import ADDRESS_KEY

from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as notifier_pb
from pager_grpc.gen.notifier.v1 import notifier_service_pb2_grpc as notifier_grpc
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc
from pager_grpc.gen.policy.v1 import people_service_pb2 as people_pb
from pager_grpc.gen.policy.v1 import people_service_pb2_grpc as people_grpc
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb
from pager_grpc.gen.policy.v1 import policy_service_pb2_grpc as policy_grpc

ROOMS = ("pager", "policy", "notifier")
SPANS = ("RaiseAlert", "notify level", "deliver page", "ask smtp")


@pytest.fixture(params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[WorldOfCanaries]:
    urls = {room: f"sqlite+aiosqlite:///{tmp_path / room}.db" for room in ROOMS}
    if request.param == "postgres":
        urls = request.getfixturevalue("postgres_databases")
    world = WorldOfCanaries(tmp_path, {room: with_password(url) for room, url in urls.items()})
    world.start()
    yield world
    world.stop()


def test_nothing_that_is_secret_or_somebodys_own_stands_where_it_does_not_belong(world: WorldOfCanaries):
    people(world)
    told = [*an_incident(world)]
    # Spans go out in batches; those of a room that is killed are lost.
    eventually(lambda: all(span in world.traced()["spans"] for span in SPANS), "the spans of a page")
    refusals(world)
    crashes(world)
    served = world.scraped() | {"errors": "\n".join(world.said), "timelines and ledger": str(told)}
    world.stop_rooms()
    pager, notifier, policy = (dumped(world.databases[room]) for room in ("pager", "notifier", "policy"))
    written = world.logs() | served | world.traced()

    assert found_in(written, [*ADDRESSES, *SECRETS, ADDRESS_KEY]) == {}
    assert found_in({place: text for place, text in written.items() if place != "timelines and ledger"}, WORDS) == {}
    assert found_in(pager | notifier, [*ADDRESSES, *SECRETS, ADDRESS_KEY]) == {}
    assert found_in(notifier, WORDS) == {}
    assert found_in(policy, [*SECRETS, ADDRESS_KEY]) == {}
    passed_by(world, pager, policy)


def people(world: WorldOfCanaries) -> None:
    """Ana with her addresses, a code on its way to each, wrong answers, and a policy that pages both."""
    stub = people_grpc.PeopleServiceStub
    mail = people_pb.ContactMethod(contact_method_id="mail", email_address=MAIL)
    phone = people_pb.ContactMethod(contact_method_id="phone", phone_number=NUMBER)
    person = people_pb.Person(person_id="ana", contact_methods=[mail, phone])
    for _ in range(2):
        world.ask("policy", stub, "CreatePerson", people_pb.CreatePersonRequest(person=person))
    for method in ("mail", "phone", "none"):
        code = people_pb.SendVerificationCodeRequest(person_id="ana", contact_method_id=method)
        world.ask("policy", stub, "SendVerificationCode", code)
        wrong = people_pb.VerifyContactMethodRequest(person_id="ana", contact_method_id=method, code="000000")
        world.ask("policy", stub, "VerifyContactMethod", wrong)
    for address in (f"{MAIL}@", f"<{MAIL}>"):
        mail.email_address = address
        faulty = people_pb.Person(person_id="ben", contact_methods=[mail])
        world.ask("policy", stub, "CreatePerson", people_pb.CreatePersonRequest(person=faulty))
    level = policy_pb.EscalationLevel(acknowledgement_timeout={"seconds": 600})
    level.targets.add(target_id="mail", email={"email_address": MAIL})
    level.targets.add(target_id="phone", sms={"phone_number": NUMBER})
    policy = policy_pb.EscalationPolicy(policy_id="p", monitored_service_ids=["checkout", "vault"], levels=[level])
    created = policy_pb.CreateEscalationPolicyRequest(escalation_policy=policy)
    for _ in range(2):
        world.ask("policy", policy_grpc.PolicyServiceStub, "CreateEscalationPolicy", created)


def an_incident(world: WorldOfCanaries) -> list[object]:
    """One that providers defer, refuse and take, whose timeline says how it went."""
    alert = pb.RaiseAlertRequest(monitored_service_id="checkout", message=TEXT, details=DETAILS)
    incident = world.ask("pager", pb_grpc.PagerServiceStub, "RaiseAlert", alert).incident.incident_id
    eventually(lambda: world.kinds(incident).count("notification_settled") >= 2, "both pages have ended")
    answered = pb.AcknowledgeRequest(monitored_service_id="checkout", acknowledged_by="ana", note=NOTE)
    world.ask("pager", pb_grpc.PagerServiceStub, "Acknowledge", answered)
    ledger = notifier_pb.ListDeliveriesRequest()
    return [
        world.timeline(incident),
        world.ask("notifier", notifier_grpc.NotifierServiceStub, "ListDeliveries", ledger),
    ]


def refusals(world: WorldOfCanaries) -> None:
    """Calls of every room that are wrong, with what is nobody's business in them."""
    pager, notifier = pb_grpc.PagerServiceStub, notifier_grpc.NotifierServiceStub
    world.ask("pager", pager, "RaiseAlert", pb.RaiseAlertRequest(monitored_service_id="a", message=TEXT * 1000))
    world.ask("pager", pager, "RaiseAlert", pb.RaiseAlertRequest(monitored_service_id="", message=TEXT))
    world.ask("pager", pager, "RaiseAlert", pb.RaiseAlertRequest(monitored_service_id="a", message=TEXT), WRONG_KEY)
    asked = pb.AcknowledgeRequest(monitored_service_id="nothing", acknowledged_by="ana", note=NOTE)
    world.ask("pager", pager, "Acknowledge", asked)
    for address in (MAIL, f"{MAIL}@", f" {MAIL}"):
        mail = notifier_pb.SendEmailRequest(request_id="r1", email_address=address, subject=TEXT, text_body=DETAILS)
        world.ask("notifier", notifier, "SendEmail", mail)
        world.ask("notifier", notifier, "SendEmail", mail, SERVICE_KEYS["pager"])
    for number in (NUMBER, f"00{NUMBER}", f"{NUMBER}x"):
        text = notifier_pb.SendSmsRequest(request_id="r2", phone_number=number, text=TEXT)
        world.ask("notifier", notifier, "SendSms", text, SERVICE_KEYS["pager"])
    assert len(world.said) >= 8


def crashes(world: WorldOfCanaries) -> None:
    """Every room dies at work and comes back; meanwhile the others say what they miss."""
    world.rooms["policy"].kill()
    world.rooms["notifier"].kill()
    alert = pb.RaiseAlertRequest(monitored_service_id="vault", message=TEXT)
    vault = world.ask("pager", pb_grpc.PagerServiceStub, "RaiseAlert", alert).incident.incident_id
    eventually(lambda: "level_notified" in world.kinds(vault), "the last known policy pages")
    world.rooms["pager"].kill()
    for room in ("policy", "notifier", "pager"):
        world.rooms[room].start()
    eventually(lambda: "notification_settled" in world.kinds(vault), "what was owed is paged")


def passed_by(world: WorldOfCanaries, pager: dict[str, bytes], policy: dict[str, bytes]) -> None:
    """The canaries were really there: what searches for them would have found them."""
    assert world.mail.received()[MAIL] >= 1
    assert world.sms.received()[NUMBER] >= 1
    assert world.mail.passwords == {strings.MAIL_PASSWORD}
    assert world.sms.logins == {GATEWAY_LOGIN}
    assert {hit for hits in found_in(policy, ADDRESSES).values() for hit in hits} == set(ADDRESSES)
    assert {hit for hits in found_in(pager, WORDS).values() for hit in hits} == set(WORDS)
    logs = "".join(world.logs().values())
    assert all(event in logs for event in ("rpc_refused", "hand_off_failed", "policy_service_failed"))
