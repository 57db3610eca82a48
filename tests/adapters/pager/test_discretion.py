"""Nothing that the pager writes says an address: its database, logs, metrics, timelines and errors are searched."""

import re
from contextlib import contextmanager

import grpc
import pytest
import structlog
from adapters.pager.running import a_running_pager, lines
from adapters.pager.scripted_servers import a_status, a_wire_policy
from google.protobuf.duration_pb2 import Duration
from prometheus_client import generate_latest
from sqlalchemy import text

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.metrics import Metrics

MAIL, NUMBER, LAST = "zephyrine.quux@leaks.example", "+4915799182736", "zephyrine.last@leaks.example"
SAYS_ONE = re.compile("zephyrine|99182736", re.IGNORECASE)
TABLES = {
    True: "SELECT name FROM sqlite_master WHERE type = 'table'",
    False: "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'",
}


def a_wire_level(**step) -> policy_pb.ResolvedLevel:
    level = policy_pb.ResolvedLevel(acknowledgement_timeout=Duration(seconds=900))
    rule = policy_pb.ResolvedRule(steps=[policy_pb.ResolvedStep(**step)])
    level.targets.add(target_id=f"on-call-by-{next(iter(step))}", high_urgency_rule=rule)
    return level


BY_MAIL = a_wire_level(email=policy_pb.EmailTarget(email_address=MAIL))
BY_SMS = a_wire_level(sms=policy_pb.SmsTarget(phone_number=NUMBER))


@contextmanager
def all_logs():
    """Every line of every logger, whatever its level, with tracebacks."""
    found = []

    def keep(_logger, _method, event):
        found.append(str(event))
        raise structlog.DropEvent

    structlog.configure(processors=[structlog.processors.format_exc_info, keep])
    try:
        yield found
    finally:
        structlog.reset_defaults()


async def settled(caller, service, times=1, message="it burns"):
    incident = (await caller.alert(service, message)).incident.incident_id
    return await caller.until_line(incident, "notification_settled", times)


async def a_bad_day(caller):
    """Refusals that repeat addresses, a storm, an outage, nonsense, answers, and calls that are refused."""
    said = []
    caller.policy.answer = a_wire_policy(BY_MAIL, BY_SMS)
    answers = (f"550 <{MAIL.upper()}> unknown", f"'To' number {NUMBER} (%2B{NUMBER[1:]}) is unreachable")
    caller.notifier.refusals = [
        a_status(grpc.StatusCode.INVALID_ARGUMENT, "MESSAGE_REFUSED", provider_answer=answer) for answer in answers
    ]
    said.append(await settled(caller, "refused", 2))
    caller.notifier.refusals = [
        a_status(grpc.StatusCode.UNAVAILABLE, "PROVIDER_UNAVAILABLE", retry_seconds=0.5, provider_answer=answers[0])
    ]
    said.append(await settled(caller, "busy"))
    await caller.acknowledge("busy")
    await caller.healthy("busy")
    caller.policy.code = grpc.StatusCode.UNAVAILABLE
    said += [await settled(caller, "busy"), await settled(caller, "nobody-knows")]
    caller.policy.code = None
    caller.policy.answer = a_wire_policy(a_wire_level(email=policy_pb.EmailTarget(email_address=f"{MAIL}@")))
    said.append(await settled(caller, "nonsense"))
    caller.policy.answer = a_wire_policy(BY_MAIL, BY_SMS)
    alerts = [pb.RaiseAlertRequest(monitored_service_id=f"storm-{n}", message="it burns") for n in range(8)]
    async for answer in caller.stub.RaiseAlerts(iter([pb.RaiseAlertsRequest(alerts=alerts)])):
        incidents = [result.incident_id for result in answer.results]
        said += [await caller.until_line(incident, "notification_settled") for incident in incidents]
    said += [await caller.refused(caller.acknowledge(name)) for name in ("unknown", "")]
    return said


async def the_whole_database(url):
    database = open_database(url)
    async with database.begin() as connection:
        tables = (await connection.execute(text(TABLES[database.is_sqlite]))).scalars().all()
        found = {name: str((await connection.execute(text(f"SELECT * FROM {name}"))).all()) for name in tables}
    await database.close()
    assert {"notifications", "incidents", "last_known_policies", "incident_events", "recipients"} <= found.keys()
    return found


@pytest.mark.parametrize("burst", [0, 6], ids=["alone", "together"])
async def test_no_address_is_written_anywhere(database_url, tmp_path, capfd, burst):
    metrics = Metrics()
    more = {"PAGER_METRICS_LISTEN": "127.0.0.1:0", "PAGER_CATCH_ALL_EMAIL": LAST, "PAGER_BURST": burst}
    with all_logs() as logs:
        async with a_running_pager(database_url, tmp_path, metrics, **more) as caller:
            timelines = await a_bad_day(caller)
            stored = await the_whole_database(database_url) if "postgresql" in database_url else {}
        stored = stored or await the_whole_database(database_url)
    stored |= {file.name: file.read_bytes().decode(errors="replace") for file in tmp_path.iterdir()}
    assert min(caller.notifier.sent[address] for address in (MAIL, LAST)) > 0
    assert caller.notifier.asked[NUMBER] > 0
    reasons = {line.reason for timeline in timelines[:1] for line in lines(timeline, "notification_settled")}
    assert reasons == {"550 <…@leaks.example> unknown", "'To' number +…36 (%2B…36) is unreachable"}
    assert "policy_makes_no_sense" in str(logs)
    assert ("OUTCOME_MERGED" in str(timelines)) == bool(burst)
    written = {
        "logs": "\n".join(logs),
        "output": "".join(capfd.readouterr()),
        "metrics": generate_latest(metrics.registry).decode(),
        "timelines and errors": str(timelines),
        **stored,
    }
    assert {name: found.group() for name, words in written.items() if (found := SAYS_ONE.search(words))} == {}
