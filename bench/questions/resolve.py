"""What does it cost to say whom to page? Policies that name schedules, in batches of a thousand questions.

Each policy has a schedule of its own with two layers, weekly among five people and on working days, each person two
contact methods and a rule; forecasts are 25 hours. The use case is called in this process, its SQL included.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from time import monotonic
from typing import Any

from bench.answer import Answer, Row, at_most
from bench.effort import Effort
from bench.figures import Figure
from bench.rounds import Sample, Side, between, raw
from bench.servers.databases import SHARE_OF, Engine, fresh_store
from pager_domain.kernel import EmailAddress, MonitoredServiceId, PhoneNumber, PolicyId
from pager_domain.policy.application import PolicyApplicationService
from pager_domain.policy.directory import Question
from pager_domain.policy.levels import EscalationLevel, email_target, schedule_target
from pager_domain.policy.model import PolicyDefinition
from pager_domain.policy.people import (
    PEOPLE,
    ContactMethod,
    ContactMethodId,
    NotificationRule,
    NotificationStep,
    PersonDefinition,
    PersonId,
)
from pager_domain.policy.resolved import ResolvedEscalation
from pager_domain.policy.schedules import (
    SCHEDULES,
    Layer,
    LayerId,
    Restriction,
    Rotation,
    ScheduleDefinition,
    ScheduleId,
    Unit,
    Weekday,
)
from pager_grpc.policy.documents import document_of
from pager_grpc.policy.escalation_policies_sql import SqlPolicyStore
from pager_grpc.policy.person_documents import person_document
from pager_grpc.policy.schedule_documents import schedule_document
from pager_grpc.policy.tables import (
    ESCALATION_POLICIES,
    POLICY_COVERAGE,
    POLICY_REVISIONS,
    ROSTER_ENTRIES,
    ROSTER_REVISIONS,
)
from pager_grpc.runtime.bulk import Row as Stored
from pager_grpc.runtime.bulk import insert_rows
from pager_grpc.runtime.database import Database, open_database

GOAL = "P11"
MOST_MILLISECONDS = 1
_BATCH = 1000
_PEOPLE = 5
_FORECAST = timedelta(hours=25)
_NOW = datetime(2026, 11, 1, tzinfo=UTC)
_WORKING_DAYS = frozenset(Weekday(number) for number in range(1, 6))


async def ask(effort: Effort) -> Answer:
    """On both engines, beside policies that name addresses."""
    policies = effort.pick(full=10_000, quick=1000)
    rows: list[Row] = []
    rounds_of: dict[str, Any] = {}
    for engine in Engine:
        async with fresh_store(engine, ("policy",)) as store:
            database = open_database(store.url_of["policy"])
            try:
                await _fill(database, policies)
                sides = _sides(PolicyApplicationService(SqlPolicyStore(database)), policies)
                for side in sides.values():
                    await side()
                rounds = await effort.rounds(full=7, quick=1, until=SHARE_OF[engine]).in_turn(sides)
            finally:
                await database.close()
        rounds_of[engine] = raw(rounds)
        one = Figure.of(each["schedules"].figure for each in rounds)
        what = f"resolving one of {policies} policies with a schedule, {engine}"
        rows.append(Row(GOAL, what, one, "ms", limit=at_most(MOST_MILLISECONDS)))
        rows.append(
            Row(GOAL, f"the same ÷ one that names addresses, {engine}", between(rounds, "schedules", "addresses"))
        )
    return Answer(rows, raw=rounds_of)


def _sides(application: PolicyApplicationService, policies: int) -> dict[str, Side]:
    return {kind: _resolved(application, kind, policies) for kind in ("schedules", "addresses")}


def _resolved(application: PolicyApplicationService, kind: str, policies: int) -> Side:
    """Milliseconds a question; each batch asks about other services than the one before."""
    begin = 0

    async def measured() -> Sample:
        nonlocal begin
        names = [f"{kind}-{(begin + number) % policies}" for number in range(_BATCH)]
        begin += _BATCH
        questions = [Question(MonitoredServiceId(name), forecast=_FORECAST) for name in names]
        begun = monotonic()
        answers = await application.resolve_all(questions)
        taken = monotonic() - begun
        if not all(isinstance(answer, ResolvedEscalation) and answer.levels[0].targets for answer in answers):
            raise RuntimeError("a question was not answered")
        return Sample(taken / _BATCH * 1000)

    return measured


async def _fill(database: Database, policies: int) -> None:
    people = [_person(f"person-{number}") for number in range(_PEOPLE * max(policies // 10, 1))]
    schedules = [_schedule(number, people) for number in range(policies)]
    definitions = [
        _policy("schedules", n, EscalationLevel((schedule_target(f"schedule-{n}"),))) for n in range(policies)
    ]
    address = EscalationLevel((email_target("ana", "ana@example.com"),))
    definitions += [_policy("addresses", number, address) for number in range(policies)]
    async with database.begin() as connection:
        entries = [(PEOPLE.name, str(each.person_id), person_document(each)) for each in people]
        entries += [(SCHEDULES.name, str(each.schedule_id), schedule_document(each)) for each in schedules]
        await insert_rows(connection, ROSTER_ENTRIES, [_entry(kind, name) for kind, name, _ in entries])
        await insert_rows(connection, ROSTER_REVISIONS, [_revision(*entry) for entry in entries])
        await insert_rows(connection, ESCALATION_POLICIES, [_policy_row(each) for each in definitions])
        revisions = [
            {"policy_id": each.policy_id, "revision": 1, "document": document_of(each)} for each in definitions
        ]
        await insert_rows(connection, POLICY_REVISIONS, revisions)
        covered = [{"monitored_service_id": each.policy_id, "policy_id": each.policy_id} for each in definitions]
        await insert_rows(connection, POLICY_COVERAGE, covered)


def _person(name: str) -> PersonDefinition:
    mail, phone = ContactMethodId("mail"), ContactMethodId("phone")
    methods = (
        ContactMethod(mail, EmailAddress(f"{name}@example.com"), _NOW),
        ContactMethod(phone, PhoneNumber("+4915112345678"), _NOW),
    )
    steps = (NotificationStep(timedelta(0), mail), NotificationStep(timedelta(minutes=5), phone))
    rule = NotificationRule(steps, timedelta(minutes=5))
    return PersonDefinition(PersonId(name), contact_methods=methods, high_urgency_rule=rule)


def _schedule(number: int, people: Sequence[PersonDefinition]) -> ScheduleDefinition:
    team = tuple(people[(number + place) % len(people)].person_id for place in range(_PEOPLE))
    begin = datetime(2020, 1, 6, 9)  # noqa: DTZ001 - wall time
    layers = (
        Layer(LayerId("weeks"), Rotation(team, Unit.WEEK, begin)),
        Layer(
            LayerId("days"),
            Rotation(team[::-1], Unit.DAY, begin),
            (Restriction(_WORKING_DAYS, time(9), time(17)),),
        ),
    )
    return ScheduleDefinition(ScheduleId(f"schedule-{number}"), "Europe/Berlin", layers)


def _policy(kind: str, number: int, level: EscalationLevel) -> PolicyDefinition:
    name = f"{kind}-{number}"
    return PolicyDefinition(PolicyId(name), (level,), monitored_service_ids=(MonitoredServiceId(name),))


def _entry(kind: str, name: str) -> Stored:
    return {"kind": kind, "entry_id": name, "revision": 1, "ended": False}


def _revision(kind: str, name: str, document: Stored) -> Stored:
    moments = {"create_time": _NOW, "update_time": _NOW}
    return {"kind": kind, "entry_id": name, "revision": 1, "document": document} | moments


def _policy_row(definition: PolicyDefinition) -> Stored:
    moments = {"create_time": _NOW, "update_time": _NOW}
    return {"policy_id": definition.policy_id, "revision": 1, "default_policy": False, "ended": False} | moments
