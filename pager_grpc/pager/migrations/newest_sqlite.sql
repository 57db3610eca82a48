-- Revision 0015 of pager, by `make schemas`.
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0015');
CREATE TABLE api_keys (
    api_key_id TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    monitored_services JSON,
    verbs JSON,
    person_id TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    create_time TEXT NOT NULL,
    created_by TEXT NOT NULL,
    expire_time TEXT,
    revoke_time TEXT,
    PRIMARY KEY (api_key_id)
);
CREATE TABLE bundles (
    bundle_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    held BOOLEAN NOT NULL,
    attempts BIGINT NOT NULL,
    lost_claims INTEGER NOT NULL,
    due_at TEXT NOT NULL,
    created_at TEXT NOT NULL,
    settled_at TEXT,
    last_reason TEXT NOT NULL,
    PRIMARY KEY (bundle_id),
    CONSTRAINT ck_bundles_attempts CHECK (lost_claims >= 0 AND lost_claims <= attempts AND attempts >= 1),
    CONSTRAINT ck_bundles_held CHECK (state = 'waiting' OR NOT held),
    CONSTRAINT ck_bundles_settled_at CHECK ((state = 'waiting') = (settled_at IS NULL)),
    CONSTRAINT ck_bundles_state CHECK (state IN ('waiting', 'handed_off', 'undeliverable', 'cancelled', 'in_doubt', 'dissolved'))
);
CREATE TABLE change_records (
    record_id INTEGER NOT NULL,
    recorded_at TEXT NOT NULL,
    principal TEXT NOT NULL,
    method TEXT NOT NULL,
    request_id TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_id TEXT NOT NULL,
    "before" JSON,
    "after" JSON,
    PRIMARY KEY (record_id),
    CONSTRAINT ck_change_records_something CHECK (before IS NOT NULL OR after IS NOT NULL)
);
CREATE TABLE incident_events (
    monitored_service_id TEXT NOT NULL,
    incident_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    document JSON NOT NULL,
    transaction_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (monitored_service_id, incident_id, sequence)
);
CREATE TABLE "incidents" (
    monitored_service_id TEXT NOT NULL,
    incident_id TEXT NOT NULL,
    state TEXT NOT NULL,
    message TEXT NOT NULL,
    severity TEXT NOT NULL,
    dedup_key TEXT NOT NULL,
    details TEXT NOT NULL,
    links JSON NOT NULL,
    occurred_at TEXT,
    opened_at TEXT NOT NULL,
    alert_count BIGINT NOT NULL,
    event_count BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    cycle INTEGER NOT NULL,
    level INTEGER NOT NULL,
    policy_since_cycle INTEGER NOT NULL,
    policy JSON,
    next_escalation_at TEXT,
    acknowledgement_due_at TEXT,
    exhausted BOOLEAN NOT NULL,
    acknowledged_at TEXT,
    acknowledged_by TEXT NOT NULL,
    acknowledge_note TEXT NOT NULL,
    resolved_at TEXT,
    held_until TEXT,
    held_by_window TEXT,
    assigned_to TEXT,
    reopen_until TEXT,
    traceparent TEXT,
    PRIMARY KEY (monitored_service_id, incident_id),
    CONSTRAINT ck_incidents_acknowledged_at CHECK ((acknowledged_at IS NULL) = (acknowledged_by = '')),
    CONSTRAINT ck_incidents_acknowledged_by CHECK (state <> 'acknowledged' OR acknowledged_by <> ''),
    CONSTRAINT ck_incidents_assigned_to CHECK (assigned_to IS NULL OR assigned_to LIKE 'policy/_%' OR assigned_to LIKE 'person/_%'),
    CONSTRAINT ck_incidents_begun CHECK ((cycle = 0) = (level = 0) AND (policy IS NULL) = (level = 0)),
    CONSTRAINT ck_incidents_counts CHECK (alert_count >= 1 AND event_count >= 1 AND cycle >= 0 AND level >= 0),
    CONSTRAINT ck_incidents_exhausted CHECK (NOT exhausted OR (level >= 1 AND next_escalation_at IS NULL)),
    CONSTRAINT ck_incidents_generation CHECK (generation >= 1 AND policy_since_cycle >= 1),
    CONSTRAINT ck_incidents_held CHECK (held_until IS NULL OR (next_escalation_at IS NOT NULL AND next_escalation_at = held_until)),
    CONSTRAINT ck_incidents_held_by_window CHECK (held_by_window IS NULL OR held_until IS NOT NULL),
    CONSTRAINT ck_incidents_open_is_escalated CHECK (state <> 'open' OR next_escalation_at IS NOT NULL OR exhausted),
    CONSTRAINT ck_incidents_policy CHECK (policy IS NULL OR coalesce(policy ->> 'levels', '[]') <> '[]'),
    CONSTRAINT ck_incidents_reopen_until CHECK (reopen_until IS NULL OR state = 'resolved'),
    CONSTRAINT ck_incidents_resolved_at CHECK ((state = 'resolved') = (resolved_at IS NOT NULL)),
    CONSTRAINT ck_incidents_resolved_is_quiet CHECK (state <> 'resolved' OR next_escalation_at IS NULL),
    CONSTRAINT ck_incidents_severity CHECK (severity = 'critical' OR severity = 'error' OR severity = 'warning' OR severity = 'info'),
    CONSTRAINT ck_incidents_state CHECK (state = 'open' OR state = 'acknowledged' OR state = 'resolved')
);
CREATE TABLE "last_known_policies" (
    monitored_service_id TEXT NOT NULL,
    policy JSON NOT NULL,
    learnt_at TEXT NOT NULL, ask_at TEXT, fingerprint TEXT,
    PRIMARY KEY (monitored_service_id),
    CONSTRAINT ck_last_known_policies_policy CHECK (coalesce(policy ->> 'levels', '[]') <> '[]')
);
CREATE TABLE maintenance_window_services (
    monitored_service_id TEXT NOT NULL,
    window_id TEXT NOT NULL,
    PRIMARY KEY (monitored_service_id, window_id)
) WITHOUT ROWID;
CREATE TABLE maintenance_windows (
    window_id TEXT NOT NULL,
    document JSON NOT NULL,
    request_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    created_at TEXT NOT NULL,
    next_start_at TEXT,
    over_at TEXT,
    deleted_at TEXT,
    PRIMARY KEY (window_id),
    CONSTRAINT ck_maintenance_windows_deleted CHECK (deleted_at IS NULL OR next_start_at IS NULL)
);
CREATE TABLE monitored_services (
    monitored_service_id TEXT NOT NULL,
    incident_id TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL, reopen_incident_id TEXT,
    PRIMARY KEY (monitored_service_id)
) WITHOUT ROWID;
CREATE TABLE "notifications" (
    monitored_service_id TEXT NOT NULL,
    notification_id TEXT NOT NULL,
    incident_id TEXT NOT NULL,
    cycle INTEGER NOT NULL,
    level INTEGER NOT NULL,
    target_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    held BOOLEAN NOT NULL,
    attempts BIGINT NOT NULL,
    due_at TEXT NOT NULL,
    created_at TEXT NOT NULL,
    settled_at TEXT,
    last_reason TEXT NOT NULL,
    severity TEXT DEFAULT 'critical' NOT NULL,
    lost_claims INTEGER DEFAULT '0' NOT NULL,
    bundle_id TEXT,
    person_id TEXT DEFAULT ('') NOT NULL,
    contact_method_id TEXT DEFAULT ('') NOT NULL,
    step INTEGER DEFAULT '0' NOT NULL,
    owed_at TEXT,
    recipient TEXT,
    traceparent TEXT, stopped_at TEXT,
    PRIMARY KEY (monitored_service_id, notification_id),
    CONSTRAINT ck_notifications_address CHECK (target_id <> '' AND address <> ''),
    CONSTRAINT ck_notifications_attempts CHECK (lost_claims <= attempts AND (NOT held OR attempts >= 1)),
    CONSTRAINT ck_notifications_bundled CHECK (bundle_id IS NULL OR held OR state <> 'waiting'),
    CONSTRAINT ck_notifications_channel CHECK (channel IN ('email', 'sms')),
    CONSTRAINT ck_notifications_held CHECK (state = 'waiting' OR NOT held),
    CONSTRAINT ck_notifications_level CHECK (cycle >= 1 AND level >= 1),
    CONSTRAINT ck_notifications_lost_claims CHECK (lost_claims >= 0),
    CONSTRAINT ck_notifications_merged CHECK (state <> 'merged' OR bundle_id IS NOT NULL),
    CONSTRAINT ck_notifications_owed_at CHECK (owed_at IS NULL OR owed_at >= created_at),
    CONSTRAINT ck_notifications_settled_at CHECK (state = 'waiting' OR settled_at IS NOT NULL),
    CONSTRAINT ck_notifications_severity CHECK (severity = 'critical' OR severity = 'error' OR severity = 'warning' OR severity = 'info'),
    CONSTRAINT ck_notifications_state CHECK (state = 'waiting' OR state = 'handed_off' OR state = 'merged' OR state = 'undeliverable' OR state = 'cancelled' OR state = 'in_doubt'),
    CONSTRAINT ck_notifications_step CHECK (step >= 0),
    CONSTRAINT ck_notifications_waiting CHECK (state <> 'waiting' OR settled_at IS NULL),
    CONSTRAINT fk_notifications_bundle FOREIGN KEY(bundle_id) REFERENCES bundles (bundle_id),
    CONSTRAINT uq_notifications_page UNIQUE (monitored_service_id, incident_id, cycle, level, target_id, channel, person_id, contact_method_id, step)
);
CREATE TABLE recipients (
    recipient TEXT NOT NULL,
    calm_at TEXT NOT NULL,
    most_severe TEXT NOT NULL,
    PRIMARY KEY (recipient),
    CONSTRAINT ck_recipients_most_severe CHECK (most_severe IN ('critical', 'error', 'warning', 'info'))
) WITHOUT ROWID;
CREATE TABLE request_answers (
    monitored_service_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    incident_id TEXT,
    changed BOOLEAN NOT NULL,
    alert_count BIGINT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (monitored_service_id, request_id)
) WITHOUT ROWID;
CREATE TABLE schema_version (
    only_row INTEGER NOT NULL,
    needed_revision INTEGER NOT NULL,
    PRIMARY KEY (only_row),
    CONSTRAINT ck_schema_version_only_row CHECK (only_row = 1)
);
INSERT INTO "schema_version" VALUES(1,10);
CREATE INDEX ix_bundles_due ON bundles (due_at) WHERE state = 'waiting';
CREATE INDEX ix_bundles_settled_at ON bundles (settled_at) WHERE settled_at IS NOT NULL;
CREATE INDEX ix_change_records_object ON change_records (object_kind, object_id, record_id);
CREATE INDEX ix_change_records_recorded_at ON change_records (recorded_at);
CREATE INDEX ix_incidents_due ON incidents (severity, next_escalation_at) WHERE next_escalation_at IS NOT NULL;
CREATE INDEX ix_incidents_held_by_window ON incidents (held_by_window) WHERE held_by_window IS NOT NULL;
CREATE INDEX ix_incidents_incident_id ON incidents (incident_id);
CREATE INDEX ix_incidents_opened_at ON incidents (opened_at, incident_id);
CREATE INDEX ix_incidents_resolved_at ON incidents (resolved_at) WHERE resolved_at IS NOT NULL;
CREATE INDEX ix_last_known_policies_ask_at ON last_known_policies (ask_at);
CREATE INDEX ix_last_known_policies_learnt_at ON last_known_policies (learnt_at);
CREATE INDEX ix_maintenance_window_services_window_id ON maintenance_window_services (window_id);
CREATE INDEX ix_maintenance_windows_next_start_at ON maintenance_windows (next_start_at) WHERE next_start_at IS NOT NULL;
CREATE INDEX ix_notifications_bundle ON notifications (bundle_id) WHERE bundle_id IS NOT NULL;
CREATE INDEX ix_notifications_due ON notifications (severity, due_at) WHERE state = 'waiting' AND bundle_id IS NULL;
CREATE INDEX ix_notifications_unclaimed ON notifications (recipient) WHERE state = 'waiting' AND bundle_id IS NULL AND attempts = 0;
CREATE INDEX ix_request_answers_created_at ON request_answers (created_at);
CREATE TRIGGER gd_bundles_attempts_grow BEFORE UPDATE ON bundles FOR EACH ROW WHEN NEW.attempts < OLD.attempts BEGIN SELECT RAISE(ABORT, 'gd_bundles_attempts_grow refuses this UPDATE of bundles'); END;
CREATE TRIGGER gd_bundles_ends_stand BEFORE UPDATE ON bundles FOR EACH ROW WHEN OLD.state <> 'waiting' AND (NEW.state <> OLD.state OR NEW.settled_at <> OLD.settled_at) BEGIN SELECT RAISE(ABORT, 'gd_bundles_ends_stand refuses this UPDATE of bundles'); END;
CREATE TRIGGER gd_bundles_kept BEFORE DELETE ON bundles FOR EACH ROW WHEN OLD.state = 'waiting' BEGIN SELECT RAISE(ABORT, 'gd_bundles_kept refuses this DELETE of bundles'); END;
CREATE TRIGGER gd_bundles_same_message BEFORE UPDATE ON bundles FOR EACH ROW WHEN NEW.subject <> OLD.subject OR NEW.body <> OLD.body BEGIN SELECT RAISE(ABORT, 'gd_bundles_same_message refuses this UPDATE of bundles'); END;
CREATE TRIGGER gd_change_records_kept BEFORE DELETE ON change_records FOR EACH ROW WHEN true BEGIN SELECT RAISE(ABORT, 'gd_change_records_kept refuses this DELETE of change_records'); END;
CREATE TRIGGER gd_change_records_written_once BEFORE UPDATE ON change_records FOR EACH ROW WHEN true BEGIN SELECT RAISE(ABORT, 'gd_change_records_written_once refuses this UPDATE of change_records'); END;
CREATE TRIGGER gd_incident_events_kept BEFORE DELETE ON incident_events FOR EACH ROW WHEN EXISTS (SELECT 1 FROM incidents AS i WHERE i.monitored_service_id = OLD.monitored_service_id AND i.incident_id = OLD.incident_id AND i.state <> 'resolved') BEGIN SELECT RAISE(ABORT, 'gd_incident_events_kept refuses this DELETE of incident_events'); END;
CREATE TRIGGER gd_incident_events_written_once BEFORE UPDATE ON incident_events FOR EACH ROW WHEN true BEGIN SELECT RAISE(ABORT, 'gd_incident_events_written_once refuses this UPDATE of incident_events'); END;
CREATE TRIGGER gd_incidents_answered_stops BEFORE UPDATE OF cycle, level ON incidents FOR EACH ROW WHEN (OLD.state = 'resolved' OR (OLD.state = 'acknowledged' AND NEW.state <> 'open')) AND (NEW.cycle <> OLD.cycle OR NEW.level <> OLD.level) BEGIN SELECT RAISE(ABORT, 'gd_incidents_answered_stops refuses this UPDATE of incidents'); END;
CREATE TRIGGER gd_incidents_answers_stand BEFORE UPDATE OF state ON incidents FOR EACH ROW WHEN (OLD.state = 'resolved' AND NEW.state <> 'resolved' AND OLD.reopen_until IS NULL) OR (OLD.state = 'acknowledged' AND NEW.state = 'open' AND NEW.acknowledged_by <> '') BEGIN SELECT RAISE(ABORT, 'gd_incidents_answers_stand refuses this UPDATE of incidents'); END;
CREATE TRIGGER gd_incidents_counts_grow BEFORE UPDATE ON incidents FOR EACH ROW WHEN NEW.generation < OLD.generation OR NEW.event_count < OLD.event_count OR NEW.alert_count < OLD.alert_count OR (NEW.generation = OLD.generation AND (NEW.state <> OLD.state OR NEW.cycle <> OLD.cycle OR NEW.level <> OLD.level)) BEGIN SELECT RAISE(ABORT, 'gd_incidents_counts_grow refuses this UPDATE of incidents'); END;
CREATE TRIGGER gd_incidents_kept BEFORE DELETE ON incidents FOR EACH ROW WHEN OLD.state <> 'resolved' OR EXISTS (SELECT 1 FROM notifications AS n WHERE n.monitored_service_id = OLD.monitored_service_id AND n.incident_id = OLD.incident_id) BEGIN SELECT RAISE(ABORT, 'gd_incidents_kept refuses this DELETE of incidents'); END;
CREATE TRIGGER gd_incidents_levels_rise BEFORE UPDATE OF cycle, level ON incidents FOR EACH ROW WHEN NEW.cycle < OLD.cycle OR NEW.cycle > OLD.cycle + 1 OR (NEW.cycle = OLD.cycle AND NEW.level < OLD.level) BEGIN SELECT RAISE(ABORT, 'gd_incidents_levels_rise refuses this UPDATE of incidents'); END;
CREATE TRIGGER gd_monitored_services_kept BEFORE DELETE ON monitored_services FOR EACH ROW WHEN OLD.incident_id IS NOT NULL BEGIN SELECT RAISE(ABORT, 'gd_monitored_services_kept refuses this DELETE of monitored_services'); END;
CREATE TRIGGER gd_notifications_attempts_grow BEFORE UPDATE OF attempts ON notifications FOR EACH ROW WHEN NEW.attempts < OLD.attempts BEGIN SELECT RAISE(ABORT, 'gd_notifications_attempts_grow refuses this UPDATE of notifications'); END;
CREATE TRIGGER gd_notifications_bundle_stands BEFORE UPDATE OF bundle_id ON notifications FOR EACH ROW WHEN OLD.state <> 'waiting' AND coalesce(NEW.bundle_id, '') <> coalesce(OLD.bundle_id, '') BEGIN SELECT RAISE(ABORT, 'gd_notifications_bundle_stands refuses this UPDATE of notifications'); END;
CREATE TRIGGER gd_notifications_ends_stand BEFORE UPDATE OF state, settled_at ON notifications FOR EACH ROW WHEN OLD.state <> 'waiting' AND (NEW.state <> OLD.state OR NEW.settled_at <> OLD.settled_at) BEGIN SELECT RAISE(ABORT, 'gd_notifications_ends_stand refuses this UPDATE of notifications'); END;
CREATE TRIGGER gd_notifications_kept BEFORE DELETE ON notifications FOR EACH ROW WHEN OLD.state = 'waiting' OR EXISTS (SELECT 1 FROM incidents AS i WHERE i.monitored_service_id = OLD.monitored_service_id AND i.incident_id = OLD.incident_id AND i.state <> 'resolved') BEGIN SELECT RAISE(ABORT, 'gd_notifications_kept refuses this DELETE of notifications'); END;
CREATE TRIGGER gd_notifications_never_later BEFORE UPDATE OF owed_at, created_at ON notifications FOR EACH ROW WHEN coalesce(NEW.owed_at, NEW.created_at) > coalesce(OLD.owed_at, OLD.created_at) BEGIN SELECT RAISE(ABORT, 'gd_notifications_never_later refuses this UPDATE of notifications'); END;
CREATE TRIGGER gd_notifications_same_page BEFORE UPDATE OF monitored_service_id, incident_id, cycle, level, target_id, channel, notification_id, address, person_id, contact_method_id, step ON notifications FOR EACH ROW WHEN NEW.monitored_service_id <> OLD.monitored_service_id OR NEW.incident_id <> OLD.incident_id OR NEW.cycle <> OLD.cycle OR NEW.level <> OLD.level OR NEW.target_id <> OLD.target_id OR NEW.channel <> OLD.channel OR NEW.notification_id <> OLD.notification_id OR NEW.address <> OLD.address OR NEW.person_id <> OLD.person_id OR NEW.contact_method_id <> OLD.contact_method_id OR NEW.step <> OLD.step BEGIN SELECT RAISE(ABORT, 'gd_notifications_same_page refuses this UPDATE of notifications'); END;
CREATE TRIGGER gd_request_answers_written_once BEFORE UPDATE ON request_answers FOR EACH ROW WHEN true BEGIN SELECT RAISE(ABORT, 'gd_request_answers_written_once refuses this UPDATE of request_answers'); END;
CREATE UNIQUE INDEX uq_incident_events_level ON incident_events (monitored_service_id, incident_id, (document ->> 'cycle'), (document ->> 'level')) WHERE kind IN ('LevelNotified', 'LevelSkipped');
CREATE UNIQUE INDEX uq_incident_events_stream ON incident_events (transaction_id, position);
CREATE UNIQUE INDEX uq_incidents_unresolved ON incidents (monitored_service_id) WHERE state <> 'resolved';
CREATE UNIQUE INDEX uq_maintenance_windows_request_id ON maintenance_windows (request_id) WHERE request_id <> '';
