"""What the rules promise, the pager's database refuses to break, whoever asks: every check and every guard."""

import pytest
from adapters.refusals import CHANGE_ATTACKS, copied, not_refused, refusals_of
from builders import a_level, a_policy, an_application, healing, raising
from fakes.escalation_policies import FakeEscalationPolicies

from pager_domain.pager.events import Severity
from pager_domain.pager.storm import Pace
from pager_grpc.pager import tables

INCIDENTS, PAGES = tables.IncidentRow.__table__, tables.NotificationRow.__table__
EVENTS, BUNDLES = tables.IncidentEventRow.__table__, tables.BundleRow.__table__
RECIPIENTS = tables.RecipientRow.__table__
GROWN = "generation = generation + 1"
ANSWER = (
    "UPDATE incidents SET state = 'acknowledged', acknowledged_by = 'ana', acknowledged_at = opened_at,"
    f" next_escalation_at = NULL, {GROWN}"
)
RESOLVE = f"UPDATE incidents SET state = 'resolved', resolved_at = opened_at, next_escalation_at = NULL, {GROWN}"
HAND_OFF = "UPDATE notifications SET state = 'handed_off', settled_at = created_at"
BUNDLED = "UPDATE bundles SET state = 'handed_off', held = false, settled_at = created_at"
MERGE = "UPDATE notifications SET state = 'merged', held = false, settled_at = created_at"
NOW = "(SELECT min(created_at) FROM request_answers)"
DELETED_WINDOW_THAT_STARTS = f"INSERT INTO maintenance_windows VALUES ('w', '{{}}', '', '', {NOW}, {NOW}, NULL, {NOW})"

ATTACKS = [
    *CHANGE_ATTACKS,
    ("ck_incidents_state", f"UPDATE incidents SET state = 'lost', next_escalation_at = NULL, {GROWN}"),
    ("ck_incidents_resolved_is_quiet", f"{RESOLVE}; UPDATE incidents SET next_escalation_at = opened_at"),
    ("ck_incidents_held", "UPDATE incidents SET held_until = opened_at"),
    ("ck_incidents_held", f"{ANSWER}; UPDATE incidents SET held_until = opened_at"),
    ("ck_incidents_held_by_window", "UPDATE incidents SET held_by_window = 'w'"),
    ("ck_incidents_assigned_to", "UPDATE incidents SET assigned_to = 'ana'"),
    ("ck_incidents_assigned_to", "UPDATE incidents SET assigned_to = 'person/'"),
    ("ck_incidents_reopen_until", "UPDATE incidents SET reopen_until = opened_at"),
    ("ck_incidents_open_is_escalated", "UPDATE incidents SET next_escalation_at = NULL"),
    (
        "ck_incidents_acknowledged_by",
        f"UPDATE incidents SET state = 'acknowledged', next_escalation_at = NULL, {GROWN}",
    ),
    ("ck_incidents_counts", copied(INCIDENTS, monitored_service_id="'other'", alert_count="0")),
    ("ck_incidents_severity", "UPDATE incidents SET severity = 'dire'"),
    ("ck_incidents_generation", copied(INCIDENTS, monitored_service_id="'other'", generation="0")),
    ("ck_incidents_begun", copied(INCIDENTS, monitored_service_id="'other'", level="0")),
    ("ck_incidents_begun", "UPDATE incidents SET policy = NULL"),
    ("ck_incidents_policy", "UPDATE incidents SET policy = '{\"levels\": []}'"),
    ("ck_incidents_policy", "UPDATE incidents SET policy = '{}'"),
    ("ck_incidents_exhausted", "UPDATE incidents SET exhausted = true"),
    ("ck_incidents_acknowledged_at", "UPDATE incidents SET acknowledged_at = opened_at"),
    ("ck_incidents_resolved_at", "UPDATE incidents SET resolved_at = opened_at"),
    ("gd_incidents_answers_stand", f"{ANSWER}; UPDATE incidents SET state = 'open', {GROWN}"),
    ("gd_incidents_answers_stand", f"{RESOLVE}; UPDATE incidents SET state = 'open', {GROWN}"),
    ("gd_incidents_answers_stand", f"{RESOLVE}; UPDATE incidents SET state = 'acknowledged', {GROWN}"),
    (
        "gd_incidents_answers_stand",
        f"{ANSWER}; UPDATE incidents SET next_escalation_at = opened_at, state = 'open', {GROWN}",
    ),
    ("gd_incidents_answered_stops", f"{ANSWER}; UPDATE incidents SET level = level + 1, {GROWN}"),
    ("gd_incidents_answered_stops", f"{RESOLVE}; UPDATE incidents SET cycle = cycle + 1, {GROWN}"),
    ("gd_incidents_levels_rise", f"UPDATE incidents SET level = level - 1, {GROWN}"),
    ("gd_incidents_levels_rise", f"UPDATE incidents SET cycle = cycle - 1, level = 9, {GROWN}"),
    ("gd_incidents_levels_rise", f"UPDATE incidents SET cycle = cycle + 2, {GROWN}"),
    ("gd_incidents_counts_grow", "UPDATE incidents SET generation = generation - 1"),
    ("gd_incidents_counts_grow", "UPDATE incidents SET event_count = event_count - 1"),
    ("gd_incidents_counts_grow", "UPDATE incidents SET alert_count = alert_count - 1"),
    ("gd_incidents_counts_grow", "UPDATE incidents SET level = level + 1"),
    ("gd_incidents_kept", "DELETE FROM incidents"),
    ("gd_incidents_kept", f"{RESOLVE}; DELETE FROM incidents"),
    ("ck_notifications_state", "UPDATE notifications SET state = 'lost', settled_at = created_at"),
    ("ck_notifications_channel", copied(PAGES, notification_id="'x'", target_id="'x'", channel="'pigeon'")),
    ("ck_notifications_settled_at", "UPDATE notifications SET state = 'handed_off'"),
    ("ck_notifications_lost_claims", "UPDATE notifications SET lost_claims = -1"),
    ("ck_notifications_severity", "UPDATE notifications SET severity = 'dire'"),
    ("ck_notifications_level", copied(PAGES, notification_id="'x'", level="0")),
    ("ck_notifications_address", copied(PAGES, notification_id="'x'", target_id="'x'", address="''")),
    ("ck_notifications_attempts", "UPDATE notifications SET held = true"),
    ("ck_notifications_attempts", "UPDATE notifications SET lost_claims = 1"),
    ("ck_notifications_waiting", "UPDATE notifications SET settled_at = created_at"),
    ("ck_notifications_held", f"{HAND_OFF}, attempts = 1; UPDATE notifications SET held = true"),
    ("gd_notifications_ends_stand", f"{HAND_OFF}; UPDATE notifications SET state = 'waiting', settled_at = NULL"),
    ("gd_notifications_ends_stand", f"{HAND_OFF}; UPDATE notifications SET state = 'cancelled'"),
    ("gd_notifications_attempts_grow", f"{HAND_OFF}, attempts = 2; UPDATE notifications SET attempts = 1"),
    ("gd_notifications_same_page", "UPDATE notifications SET address = 'x@example.com'"),
    ("gd_notifications_same_page", "UPDATE notifications SET level = level + 1"),
    ("gd_notifications_same_page", "UPDATE notifications SET step = step + 1"),
    ("gd_notifications_same_page", "UPDATE notifications SET person_id = 'ana'"),
    ("gd_notifications_same_page", "UPDATE notifications SET contact_method_id = 'ana/phone'"),
    ("ck_notifications_step", copied(PAGES, notification_id="'x'", step="-1")),
    ("ck_notifications_owed_at", "UPDATE notifications SET owed_at = '2000-01-01 00:00:00'"),
    ("gd_notifications_never_later", "UPDATE notifications SET owed_at = '2999-01-01 00:00:00'"),
    ("gd_notifications_kept", "DELETE FROM notifications"),
    ("gd_notifications_kept", f"{HAND_OFF}; DELETE FROM notifications"),
    ("gd_notifications_kept", f"{RESOLVE}; DELETE FROM notifications"),
    ("gd_incident_events_written_once", "UPDATE incident_events SET kind = 'IncidentResolved'"),
    ("gd_incident_events_kept", "DELETE FROM incident_events"),
    ("gd_request_answers_written_once", "UPDATE request_answers SET changed = false"),
    ("gd_monitored_services_kept", "DELETE FROM monitored_services"),
    ("ck_last_known_policies_policy", "UPDATE last_known_policies SET policy = '{\"levels\": []}'"),
    ("ck_maintenance_windows_deleted", DELETED_WINDOW_THAT_STARTS),
    ("ck_schema_version_only_row", "INSERT INTO schema_version VALUES (2, 1)"),
]
STORM_ATTACKS = [
    ("ck_notifications_merged", f"{MERGE}, bundle_id = NULL"),
    ("ck_notifications_bundled", "UPDATE notifications SET held = false"),
    ("gd_notifications_bundle_stands", f"{MERGE}; UPDATE notifications SET bundle_id = NULL"),
    ("ck_bundles_state", "UPDATE bundles SET state = 'lost', held = false, settled_at = created_at"),
    ("ck_bundles_settled_at", "UPDATE bundles SET settled_at = created_at"),
    ("ck_bundles_settled_at", "UPDATE bundles SET state = 'handed_off', held = false"),
    ("ck_bundles_held", "UPDATE bundles SET state = 'handed_off', settled_at = created_at"),
    ("ck_bundles_attempts", "UPDATE bundles SET lost_claims = attempts + 1"),
    ("ck_bundles_attempts", copied(BUNDLES, bundle_id="'x'", attempts="0")),
    ("gd_bundles_ends_stand", f"{BUNDLED}; UPDATE bundles SET state = 'waiting', settled_at = NULL"),
    ("gd_bundles_ends_stand", f"{BUNDLED}; UPDATE bundles SET state = 'in_doubt'"),
    ("gd_bundles_attempts_grow", "UPDATE bundles SET attempts = 2; UPDATE bundles SET attempts = 1"),
    ("gd_bundles_same_message", "UPDATE bundles SET body = 'something else'"),
    ("gd_bundles_kept", "DELETE FROM bundles"),
    ("ck_recipients_most_severe", copied(RECIPIENTS, recipient="'x'", most_severe="'dire'")),
]
RETENTION = (
    "DELETE FROM notifications",
    "DELETE FROM incident_events",
    "DELETE FROM incidents",
    "DELETE FROM request_answers",
    "DELETE FROM monitored_services",
)


@pytest.fixture
async def paged(pager):
    """One incident whose first level has two pages that wait."""
    application = an_application(pager.store, pager.outbox)
    await application.handle([raising(request_id="r")])
    await application.escalate_due(10)
    return pager


@pytest.fixture
async def stormed(pager):
    """Two incidents whose pages are in one bundle, which a delivery holds."""
    policies = FakeEscalationPolicies(a_policy(levels=[a_level(targets=1)]))
    application = an_application(pager.store, pager.outbox, policies)
    await application.handle([raising("one"), raising("other")])
    await application.escalate_due(10)
    [bundle] = await pager.outbox_with(Pace(burst=1)).claim(10)
    assert len(bundle.pages) == 2
    return pager


async def test_the_database_itself_refuses_what_cannot_be(paged):
    assert await not_refused(paged.database, ATTACKS) == []


async def test_the_database_itself_refuses_what_cannot_be_of_bundles(stormed):
    assert await not_refused(stormed.database, STORM_ATTACKS) == []


async def test_every_check_and_guard_of_the_database_is_attacked(pager):
    async with pager.database.begin() as connection:
        assert await connection.run_sync(refusals_of) == {name for name, _ in [*ATTACKS, *STORM_ATTACKS]}


async def test_the_database_itself_refuses_a_second_of_what_there_is_one_of(paged):
    same_level = "(SELECT document FROM incident_events WHERE kind = 'LevelNotified')"
    new_line = {"sequence": "99", "position": "9999"}
    sqlite = paged.database.is_sqlite  # which names the columns of an index, and an index of expressions itself
    attacks = [
        (
            "incidents.monitored_service_id" if sqlite else "uq_incidents_unresolved",
            copied(INCIDENTS, incident_id="'second'"),
        ),
        (
            "contact_method_id, notifications.step" if sqlite else "uq_notifications_page",
            copied(PAGES, notification_id="'x'"),
        ),
        ("uq_incident_events_level", copied(EVENTS, **new_line, kind="'LevelNotified'", document=same_level)),
        ("uq_incident_events_level", copied(EVENTS, **new_line, kind="'LevelSkipped'", document=same_level)),
        (
            "transaction_id, incident_events.position" if sqlite else "uq_incident_events_stream",
            copied(EVENTS, sequence="99"),
        ),
        ("incident_events.sequence" if sqlite else "incident_events_pkey", copied(EVENTS, position="9999")),
    ]
    assert await not_refused(paged.database, attacks) == []


async def test_what_is_over_may_be_forgotten_in_order(paged):
    await an_application(paged.store, paged.outbox).handle([healing()])
    async with paged.database.begin() as connection:
        for statement in RETENTION:
            assert (await connection.exec_driver_sql(statement)).rowcount > 0


def test_the_database_knows_every_severity():
    assert all(f"'{severity}'" in tables._SEVERITY for severity in Severity)
