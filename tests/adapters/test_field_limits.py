"""Every limit of a request at a real server: what is at it is taken; one over and a hundred times it are refused."""

from contextlib import asynccontextmanager
from itertools import count

import grpc
import pytest
from adapters.notifier.callers import settings as notifier_settings
from adapters.pager.running import a_running_pager
from fakes.notifier_email_sender import FakeEmailSender
from fakes.notifier_sms_sender import FakeSmsSender
from google.protobuf.duration_pb2 import Duration

from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as notifier_pb
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pager_pb
from pager_grpc.gen.policy.v1 import people_service_pb2 as people_pb
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb
from pager_grpc.notifier.bootstrap import running_notifier
from pager_grpc.policy.bootstrap import running_policy
from pager_grpc.policy.config import PolicySettings
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.errors import fault_of

TAKEN, INVALID, TOO_LARGE = "taken", grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED
_numbers = count()


def fresh(size: int = 12) -> str:
    """A text of so many bytes that was not used before."""
    return f"{next(_numbers):0>{min(size, 12)}}".ljust(size, "x")


def an_alert(**fields):
    return pager_pb.RaiseAlertRequest(**{"monitored_service_id": fresh(), "message": "it burns"} | fields)


def links(number, url="https://example.com", text=""):
    return [pager_pb.Link(url=url, text=text)] * number


def a_mail(**fields):
    usual = {"email_address": "ana@example.com", "subject": "s", "text_body": "b", "request_id": fresh()}
    return notifier_pb.SendEmailRequest(**usual | fields)


def a_text(**fields):
    return notifier_pb.SendSmsRequest(**{"phone_number": "+4915112345678", "text": "t", "request_id": fresh()} | fields)


def targets(number):
    mail = policy_pb.EmailTarget
    return [
        policy_pb.NotificationTarget(target_id=f"t{n}", email=mail(email_address=f"ana{n}@example.com"))
        for n in range(number)
    ]


def a_policy(levels=1, targets_each=1, seconds=900, **fields):
    level = policy_pb.EscalationLevel(targets=targets(targets_each), acknowledgement_timeout=Duration(seconds=seconds))
    policy = policy_pb.EscalationPolicy(**{"policy_id": fresh(), "levels": [level] * levels} | fields)
    return policy_pb.CreateEscalationPolicyRequest(escalation_policy=policy)


def a_person(methods=1, steps=1, seconds=0, **fields):
    ways = [
        people_pb.ContactMethod(contact_method_id=f"m{n}", email_address=f"ana{n}@example.com") for n in range(methods)
    ]
    rule = people_pb.NotificationRule(
        steps=[
            people_pb.NotificationStep(contact_method_id="m0", delay=Duration(seconds=seconds or n))
            for n in range(steps)
        ]
    )
    person = people_pb.Person(
        **{"person_id": fresh(), "contact_methods": ways, "high_urgency_rule": rule} | fields,
    )
    return people_pb.CreatePersonRequest(person=person)


def services(number):
    return [fresh() for _ in range(number)]


def acknowledged(**fields):
    usual = {"monitored_service_id": "nobody", "acknowledged_by": "ana"}
    return pager_pb.AcknowledgeRequest(**usual | fields)


RAISE, ACKNOWLEDGE = "/pager.v1.PagerService/RaiseAlert", "/pager.v1.PagerService/Acknowledge"
EMAIL, SMS = "/notifier.v1.NotifierService/SendEmail", "/notifier.v1.NotifierService/SendSms"
POLICY, PERSON = "/policy.v1.PolicyService/CreateEscalationPolicy", "/policy.v1.PeopleService/CreatePerson"

PAGER = [
    ("monitored_service_id", RAISE, 255, lambda n: an_alert(monitored_service_id=fresh(n))),
    ("message", RAISE, 1024, lambda n: an_alert(message="x" * n)),
    ("details", RAISE, 16 * 1024, lambda n: an_alert(details="x" * n)),
    ("dedup_key", RAISE, 255, lambda n: an_alert(dedup_key="x" * n)),
    ("request_id", RAISE, 255, lambda n: an_alert(request_id=fresh(n))),
    ("links", RAISE, 16, lambda n: an_alert(links=links(n))),
    ("links[0].url", RAISE, 2048, lambda n: an_alert(links=links(1, url="https://".ljust(n, "x")))),
    ("links[0].text", RAISE, 255, lambda n: an_alert(links=links(1, text="x" * n))),
    ("acknowledged_by", ACKNOWLEDGE, 255, lambda n: acknowledged(acknowledged_by="x" * n)),
    ("note", ACKNOWLEDGE, 1024, lambda n: acknowledged(note="x" * n)),
    ("incident_id", ACKNOWLEDGE, 255, lambda n: acknowledged(incident_id="x" * n)),
]
POLICIES = [
    ("levels", POLICY, 20, lambda n: a_policy(levels=n)),
    ("targets", POLICY, 50, lambda n: a_policy(targets_each=n)),
    ("acknowledgement_timeout", POLICY, 24 * 3600, lambda n: a_policy(seconds=n)),
    ("repeat_count", POLICY, 100, lambda n: a_policy(repeat_count=n)),
    ("monitored_service_ids", POLICY, 10_000, lambda n: a_policy(monitored_service_ids=services(n))),
    ("policy_id", POLICY, 255, lambda n: a_policy(policy_id=fresh(n))),
    ("display_name", POLICY, 255, lambda n: a_policy(display_name="x" * n)),
    ("contact_methods", PERSON, 20, lambda n: a_person(methods=n)),
    ("steps", PERSON, 20, lambda n: a_person(steps=n)),
    ("delay", PERSON, 24 * 3600, lambda n: a_person(seconds=n)),
    ("person_id", PERSON, 248, lambda n: a_person(person_id=fresh(n))),
]
NOTIFIER = [
    ("subject", EMAIL, 1024, lambda n: a_mail(subject="x" * n)),
    ("text_body", EMAIL, 32 * 1024, lambda n: a_mail(text_body="x" * n)),
    ("request_id", EMAIL, 255, lambda n: a_mail(request_id=fresh(n))),
    ("text", SMS, 1600, lambda n: a_text(text="x" * n)),
]


@asynccontextmanager
async def the_pager(folder):
    async with a_running_pager(f"sqlite+aiosqlite:///{folder / 'pager.db'}", folder) as caller:
        yield caller.channel


@asynccontextmanager
async def the_policy_service(folder):
    settings = PolicySettings(_env_file=None, POLICY_LISTEN="127.0.0.1:0", PAGERD_DATA=folder)
    async with running_policy(settings) as port, open_channel(f"127.0.0.1:{port}") as channel:
        yield channel


@asynccontextmanager
async def the_notifier(folder):
    senders = {"email_sender": FakeEmailSender(), "sms_sender": FakeSmsSender()}
    room = running_notifier(notifier_settings(folder), **senders)
    async with room as port, open_channel(f"127.0.0.1:{port}") as channel:
        yield channel


async def said(channel, method, request):
    """TAKEN, or the code, and the field that an INVALID_ARGUMENT names."""
    try:
        await channel.unary_unary(method)(request.SerializeToString(), timeout=30)
    except grpc.aio.AioRpcError as error:
        fault = fault_of(error)
        if fault.code not in (INVALID, TOO_LARGE):
            return TAKEN, ""  # something is wrong with it, but it is not too much
        return fault.code, fault.metadata.get("field", "")
    return TAKEN, ""


@pytest.mark.parametrize(
    ("room", "limits"), [(the_pager, PAGER), (the_policy_service, POLICIES), (the_notifier, NOTIFIER)]
)
async def test_what_is_at_a_limit_is_taken_and_one_over_and_a_hundred_times_it_is_refused_by_name(
    room, limits, tmp_path
):
    async with room(tmp_path) as channel:
        for field, method, limit, request in limits:
            assert await said(channel, method, request(limit)) == (TAKEN, ""), field
            code, named = await said(channel, method, request(limit + 1))
            assert (code, named.endswith(field)) == (INVALID, True), (field, named)
            code, named = await said(channel, method, request(limit * 100))
            assert code is TOO_LARGE or (code is INVALID and named.endswith(field)), (field, code, named)


@pytest.mark.parametrize("over", [1, 99 * 1000])
async def test_a_stream_takes_1000_alerts_a_message(over, tmp_path):
    async with the_pager(tmp_path) as channel:
        stream = channel.stream_stream("/pager.v1.PagerService/RaiseAlerts")
        tiny = pager_pb.RaiseAlertRequest(monitored_service_id="a", message="m")

        async def told(alerts):
            message = pager_pb.RaiseAlertsRequest(alerts=[tiny] * alerts).SerializeToString()
            return [answer async for answer in stream(iter([message]), timeout=30)]

        assert len(await told(1000)) == 1
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await told(1000 + over)
    assert refusal.value.code() in (INVALID, TOO_LARGE)


@pytest.mark.parametrize("over", [1, 99 * 100])
async def test_a_request_of_the_notifier_has_100_messages(over, tmp_path):
    async with the_notifier(tmp_path) as channel:
        stream = channel.stream_stream("/notifier.v1.NotifierService/SendMessages")

        async def told(messages):
            request = notifier_pb.SendMessagesRequest(
                timeout=Duration(seconds=5),
                messages=[notifier_pb.SendMessagesRequest.Message(email=a_mail()) for _ in range(messages)],
            )
            answers = [answer async for answer in stream(iter([request.SerializeToString()]), timeout=30)]
            parsed = map(notifier_pb.SendMessagesResponse.FromString, answers)
            return [result.HasField("delivery") for answer in parsed for result in answer.results]

        assert await told(100) == [True] * 100
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await told(100 + over)
    assert refusal.value.code() in (INVALID, TOO_LARGE)
