"""What callers, neighbours and operators may do to a running pager."""

import asyncio

import grpc
from adapters.pager.running import a_running_pager
from adapters.pager.scripted_servers import a_wire_level, a_wire_policy
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from sqlalchemy import text

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.page_tokens import encode_token

SERVICE = "pager.v1.PagerService"
INVALID = grpc.StatusCode.INVALID_ARGUMENT


def an_alert(**changes):
    return pb.RaiseAlertRequest(**{"monitored_service_id": "checkout", "message": "m"} | changes)


BAD_REQUESTS = [
    ("RaiseAlert", an_alert(monitored_service_id=""), "monitored_service_id"),
    ("RaiseAlert", an_alert(monitored_service_id="x" * 256), "monitored_service_id"),
    ("RaiseAlert", an_alert(message=""), "message"),
    ("RaiseAlert", an_alert(message="x" * 1025), "message"),
    ("RaiseAlert", an_alert(message="a\x00"), "message"),
    ("RaiseAlert", an_alert(details="x" * (16 * 1024 + 1)), "details"),
    ("RaiseAlert", an_alert(dedup_key="x" * 256), "dedup_key"),
    ("RaiseAlert", an_alert(request_id="x" * 256), "request_id"),
    ("RaiseAlert", an_alert(links=[pb.Link(url="https://x")] * 17), "links"),
    ("RaiseAlert", an_alert(links=[pb.Link(url="https://x"), pb.Link(url="x")]), "links[1].url"),
    ("RaiseAlert", an_alert(occur_time=Timestamp(seconds=2**60)), "occur_time"),
    ("RaiseAlert", an_alert(occur_time=Timestamp(nanos=-1)), "occur_time"),
    ("Acknowledge", pb.AcknowledgeRequest(monitored_service_id="checkout"), "acknowledged_by"),
    ("Acknowledge", pb.AcknowledgeRequest(acknowledged_by="ana"), "monitored_service_id"),
    ("MarkHealthy", pb.MarkHealthyRequest(), "monitored_service_id"),
    ("GetMonitoredService", pb.GetMonitoredServiceRequest(), "monitored_service_id"),
    ("GetIncident", pb.GetIncidentRequest(incident_id="x" * 256), "incident_id"),
    ("ListMonitoredServices", pb.ListMonitoredServicesRequest(page_size=1001), "page_size"),
    ("ListMonitoredServices", pb.ListMonitoredServicesRequest(page_token=encode_token("\x00")), "page_token"),
    ("ListMonitoredServices", pb.ListMonitoredServicesRequest(states=[9]), "states"),
    ("ListIncidents", pb.ListIncidentsRequest(page_size=-1), "page_size"),
    ("ListIncidents", pb.ListIncidentsRequest(page_token=encode_token(2**62, "x")), "page_token"),
    ("ListIncidents", pb.ListIncidentsRequest(states=[0]), "states"),
    ("ListIncidentEvents", pb.ListIncidentEventsRequest(incident_id="x", page_token="x"), "page_token"),
    (
        "ListIncidentEvents",
        pb.ListIncidentEventsRequest(incident_id="x", page_token=encode_token(2**63)),
        "page_token",
    ),
]


async def test_a_bad_field_is_named_with_its_limit_and_nothing_is_stored(caller):
    for method, request, field in BAD_REQUESTS:
        fault = await caller.refused(getattr(caller.stub, method)(request))
        assert (fault.code, fault.reason) == (INVALID, "ERROR_REASON_INVALID_FIELD"), (method, field)
        assert fault.metadata["field"] == field
        assert fault.metadata["limit"]
    assert await caller.services() == []


async def test_a_watch_with_a_made_up_token_is_refused(caller):
    for token in ("x", "%%%", encode_token(2**62, 0), encode_token(1, 2**63), encode_token("a"), "W" * 40_000):
        watch = caller.stub.WatchIncidents(pb.WatchIncidentsRequest(resume_token=token))
        fault = await caller.refused(watch.read())
        assert (fault.code, fault.metadata["field"]) == (INVALID, "resume_token")


async def test_what_nobody_knows_is_not_found(caller):
    for call, key in (
        (caller.acknowledge("nobody"), "monitored_service_id"),
        (caller.healthy("nobody"), "monitored_service_id"),
        (caller.stub.GetMonitoredService(pb.GetMonitoredServiceRequest(monitored_service_id="nobody")), None),
        (caller.incident("nobody"), "incident_id"),
        (caller.timeline("nobody"), "incident_id"),
    ):
        fault = await caller.refused(call)
        assert fault.code is grpc.StatusCode.NOT_FOUND
        assert key is None or fault.metadata == {key: "nobody"}


async def test_there_is_nothing_to_acknowledge_on_a_healthy_service(caller):
    await caller.alert()
    await caller.healthy()
    fault = await caller.refused(caller.acknowledge())
    assert (fault.code, fault.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_NO_OPEN_INCIDENT")


async def test_a_repeat_of_a_request_gets_the_first_answer_and_other_content_is_refused(caller):
    first = await caller.alert(request_id="r")
    await caller.alert(request_id="s")
    again = await caller.alert(request_id="r")
    assert (again.opened, again.alert_count) == (first.opened, first.alert_count) == (True, 1)
    fault = await caller.refused(caller.alert(request_id="r", message="else"))
    assert (fault.code, fault.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_REQUEST_ID_REUSED")
    assert (await caller.incident(first.incident.incident_id)).alert_count == 2


async def test_an_alert_of_long_ago_is_kept_and_pages(caller):
    long_ago = Timestamp(seconds=-62135596800)  # the first second of the year 1
    answer = await caller.alert(occur_time=long_ago)
    timeline = await caller.until_line(answer.incident.incident_id, "notification_settled", times=2)
    assert timeline[0].opened.alert.occur_time == long_ago


async def test_the_largest_alert_is_paged_in_an_email_that_fits(caller):
    links = [pb.Link(url="https://" + "u" * 2040, text="t" * 255)] * 16
    answer = await caller.alert(details="d" * 16 * 1024, links=links)
    await caller.until_line(answer.incident.incident_id, "notification_settled", times=2)
    assert {len(body) for body in caller.notifier.bodies.values()} <= set(range(32 * 1024 - 8, 32 * 1024 + 1))


async def test_a_request_over_64_kib_is_refused_and_nothing_is_stored(caller):
    fault = await caller.refused(caller.alert(details="x" * 70_000))
    assert fault.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert await caller.services() == []


async def test_lists_are_read_page_by_page(caller):
    for n in range(5):
        await caller.alert(f"service-{n}", message="again")
    names, token = [], ""
    while True:
        page = await caller.stub.ListMonitoredServices(pb.ListMonitoredServicesRequest(page_size=2, page_token=token))
        names += [service.monitored_service_id for service in page.monitored_services]
        if not (token := page.next_page_token):
            break
    assert names == [f"service-{n}" for n in range(5)]
    seen = []
    while True:
        page = await caller.stub.ListIncidents(pb.ListIncidentsRequest(page_size=2, page_token=token))
        seen += [incident.monitored_service_id for incident in page.incidents]
        if not (token := page.next_page_token):
            break
    assert seen == names[::-1]


async def test_health_is_said_by_name_and_reflection_lists_the_service(caller):
    health = health_pb2_grpc.HealthStub(caller.channel)
    for name in (SERVICE, ""):
        async with asyncio.timeout(10):
            async for said in health.Watch(health_pb2.HealthCheckRequest(service=name)):
                if said.status == health_pb2.HealthCheckResponse.SERVING:
                    break
    call = reflection_pb2_grpc.ServerReflectionStub(caller.channel).ServerReflectionInfo(
        iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    )
    names = [service.name async for answer in call for service in answer.list_services_response.service]
    assert SERVICE in names


async def watched(caller, number, token=""):
    """The next ``number`` events and the last token; the connection is dropped after that."""
    watch = caller.stub.WatchIncidents(pb.WatchIncidentsRequest(resume_token=token))
    events = []
    async with asyncio.timeout(15):
        async for message in watch:
            token = message.resume_token
            if message.HasField("incident_event"):
                event = message.incident_event
                events.append((event.monitored_service_id, event.sequence, event.WhichOneof("event")))
            if len(events) == number:
                break
    watch.cancel()
    return events, token


async def test_a_watcher_that_reconnects_misses_nothing_and_sees_nothing_twice(caller):
    caller.policy.answer = a_wire_policy(a_wire_level(1, people=1, seconds=900))
    _, token = await watched(caller, 0)
    first = (await caller.alert("a")).incident.incident_id
    await caller.until_line(first, "notification_settled")
    seen, token = await watched(caller, 2, token)
    second = (await caller.alert("b")).incident.incident_id
    await caller.until_line(second, "notification_settled")
    more, token = await watched(caller, 4, token)
    expected = [
        (n, k, kind) for n in "ab" for k, kind in enumerate(["opened", "level_notified", "notification_settled"], 1)
    ]
    assert [*seen, *more] == expected
    assert (await watched(caller, 0, token))[0] == []


async def test_a_database_that_is_gone_is_said_to_be_unavailable_and_the_pager_is_not_healthy(
    postgres_admin_url, postgres_url, tmp_path
):
    async with a_running_pager(postgres_url, tmp_path) as caller:
        await caller.alert()
        administration = open_database(postgres_admin_url.render_as_string(hide_password=False))
        engine = administration.engine.execution_options(isolation_level="AUTOCOMMIT")
        name = postgres_url.rpartition("?")[0].rpartition("/")[2] or postgres_url.rpartition("/")[2]
        async with engine.connect() as connection:
            await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
            for call in (caller.alert(), caller.healthy(), caller.services(), caller.incident("x")):
                fault = await caller.refused(call)
                assert (fault.code, fault.reason) == (
                    grpc.StatusCode.UNAVAILABLE,
                    "ERROR_REASON_STORE_UNAVAILABLE",
                )
            async with asyncio.timeout(10):
                health = health_pb2_grpc.HealthStub(caller.channel)
                async for said in health.Watch(health_pb2.HealthCheckRequest(service=SERVICE)):
                    if said.status == health_pb2.HealthCheckResponse.NOT_SERVING:
                        break
            await connection.execute(text(f"CREATE DATABASE {name}"))
        await administration.close()
