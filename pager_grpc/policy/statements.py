"""The SQL of the policy room. The engines differ in how they unfold a JSON array and in how they lock a row.

Lists go in as one JSON bind, so that a statement is the same text, and prepared once, for one question or a thousand.
"""

from dataclasses import dataclass

from sqlalchemy import TextClause, text

# Unnested from an array, because the planner takes a set-returning function for a hundred rows, and would then read
# the whole table for one service; it takes an array for ten.
_POSTGRES_SERVICES = """
    SELECT value AS monitored_service_id
    FROM unnest(ARRAY(SELECT jsonb_array_elements_text(CAST(:services AS jsonb)))) AS a(value)
"""
_SQLITE_SERVICES = "SELECT value AS monitored_service_id FROM json_each(:services)"
_POSTGRES_REVISIONS = """
    SELECT policy_id, revision FROM jsonb_to_recordset(CAST(:revisions AS jsonb)) AS a(policy_id text, revision bigint)
"""
_SQLITE_REVISIONS = """
    SELECT json_extract(value, '$.policy_id') AS policy_id, json_extract(value, '$.revision') AS revision
    FROM json_each(:revisions)
"""
_POSTGRES_POLICIES = """
    SELECT value AS policy_id
    FROM unnest(ARRAY(SELECT jsonb_array_elements_text(CAST(:policies AS jsonb)))) AS a(value)
"""
_SQLITE_POLICIES = "SELECT value AS policy_id FROM json_each(:policies)"

# One row for each covered service, one for the default, one for each revision asked about whose policy is known
# (its document is NULL if the policy never had it), one for each policy asked about by its id that has not ended: a
# batch of questions is one statement and one moment.
# Materialized, so that the covered services are found by key first, also before there are statistics. The moment comes
# along, also where nothing is found.
_DIRECTORY = """
WITH asked_services AS ({services}), asked_revisions AS ({revisions}), asked_policies AS ({policies}),
covering AS MATERIALIZED (
    SELECT c.monitored_service_id, c.policy_id
    FROM asked_services a JOIN policy_coverage c ON c.monitored_service_id = a.monitored_service_id
)
SELECT {now} AS now, found.* FROM (SELECT 1) AS always LEFT JOIN (
SELECT 'covering' AS kind, c.monitored_service_id, p.policy_id, p.revision, r.document
FROM covering c
JOIN escalation_policies p ON p.policy_id = c.policy_id
JOIN policy_revisions r ON r.policy_id = p.policy_id AND r.revision = p.revision
UNION ALL
SELECT 'default', NULL, p.policy_id, p.revision, r.document
FROM escalation_policies p
JOIN policy_revisions r ON r.policy_id = p.policy_id AND r.revision = p.revision
WHERE p.default_policy AND :services <> '[]'
UNION ALL
SELECT 'revision', NULL, p.policy_id, a.revision, r.document
FROM asked_revisions a
JOIN escalation_policies p ON p.policy_id = a.policy_id
LEFT JOIN policy_revisions r ON r.policy_id = a.policy_id AND r.revision = a.revision
UNION ALL
SELECT 'newest', NULL, p.policy_id, p.revision, r.document
FROM asked_policies a
JOIN escalation_policies p ON p.policy_id = a.policy_id
JOIN policy_revisions r ON r.policy_id = p.policy_id AND r.revision = p.revision
WHERE NOT p.ended
) AS found ON true
"""

_POLICIES = """
SELECT p.policy_id, p.revision, p.default_policy, p.create_time, p.update_time, r.document,
       (SELECT {aggregate}(c.monitored_service_id) FROM policy_coverage c WHERE c.policy_id = p.policy_id) AS services
FROM escalation_policies p
JOIN policy_revisions r ON r.policy_id = p.policy_id AND r.revision = p.revision
WHERE NOT p.ended AND {condition}
ORDER BY p.policy_id
"""

_COVERAGE = """
SELECT c.monitored_service_id, c.policy_id FROM ({services}) a
JOIN policy_coverage c ON c.monitored_service_id = a.monitored_service_id
"""
_UNCOVER = "DELETE FROM policy_coverage WHERE policy_id = :policy_id AND monitored_service_id IN ({services})"
_RELEASE = (
    "DELETE FROM policy_coverage WHERE policy_id IN ({policies})",
    "UPDATE escalation_policies SET default_policy = false WHERE default_policy AND policy_id IN ({policies})",
)

DEFAULT_POLICY = text("SELECT policy_id FROM escalation_policies WHERE default_policy")
COVERED = text("SELECT monitored_service_id FROM policy_coverage WHERE policy_id = :policy_id")

NAMING_POLICY = text(
    "SELECT policy_id FROM policy_targets WHERE kind = :kind AND entry_id = :entry_id ORDER BY policy_id LIMIT 1"
)
UNNAME = text("DELETE FROM policy_targets WHERE policy_id = :policy_id")


@dataclass(frozen=True, slots=True)
class Statements:
    """The statements of one engine, named for what they answer."""

    directory: str
    policy: TextClause
    policies: TextClause
    coverage: TextClause
    lock: TextClause
    uncover: TextClause
    release: tuple[TextClause, ...]


def statements_for(*, sqlite: bool, now_sql: str) -> Statements:
    """The statements of SQLite, or those of PostgreSQL; ``now_sql`` is the database's moment."""
    services = _SQLITE_SERVICES if sqlite else _POSTGRES_SERVICES
    revisions = _SQLITE_REVISIONS if sqlite else _POSTGRES_REVISIONS
    policies = _SQLITE_POLICIES if sqlite else _POSTGRES_POLICIES
    aggregate = "json_group_array" if sqlite else "jsonb_agg"
    # SQLite has one writer at a time: its transactions begin with the lock.
    for_update = "" if sqlite else "FOR UPDATE"
    return Statements(
        directory=_DIRECTORY.format(now=now_sql, services=services, revisions=revisions, policies=policies),
        policy=text(_POLICIES.format(aggregate=aggregate, condition="p.policy_id = :policy_id")),
        policies=text(_POLICIES.format(aggregate=aggregate, condition="p.policy_id > :after") + "LIMIT :limit"),
        coverage=text(_COVERAGE.format(services=services)),
        lock=text(f"SELECT revision FROM escalation_policies WHERE policy_id = :policy_id {for_update}"),
        uncover=text(_UNCOVER.format(services=services)),
        release=tuple(text(statement.format(policies=policies)) for statement in _RELEASE),
    )
