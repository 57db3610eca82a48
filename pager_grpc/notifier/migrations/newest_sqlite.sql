-- Revision 0005 of notifier, by `make schemas`.
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0005');
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
CREATE TABLE "deliveries" (
    delivery_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    state TEXT NOT NULL,
    recipient_hint TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    provider TEXT NOT NULL,
    fencing_token BIGINT NOT NULL,
    create_time TEXT NOT NULL,
    update_time TEXT NOT NULL,
    attempt_count INTEGER NOT NULL,
    doubt_count INTEGER NOT NULL,
    sending_until TEXT,
    retry_time TEXT,
    provider_message_id TEXT NOT NULL,
    provider_answer TEXT NOT NULL,
    PRIMARY KEY (delivery_id),
    CONSTRAINT ck_deliveries_attempt_count CHECK (doubt_count <= attempt_count),
    CONSTRAINT ck_deliveries_attempted CHECK (attempt_count >= 1 AND fencing_token >= 0),
    CONSTRAINT ck_deliveries_channel CHECK (channel IN ('email', 'sms')),
    CONSTRAINT ck_deliveries_deferred CHECK (state <> 'deferred' OR retry_time IS NOT NULL),
    CONSTRAINT ck_deliveries_doubt_count CHECK (doubt_count BETWEEN 0 AND 3),
    CONSTRAINT ck_deliveries_fingerprint CHECK (delivery_id <> '' AND fingerprint <> ''),
    CONSTRAINT ck_deliveries_provider CHECK (provider <> ''),
    CONSTRAINT ck_deliveries_sending CHECK ((state = 'sending') = (sending_until IS NOT NULL)),
    CONSTRAINT ck_deliveries_state CHECK (state = 'sending' OR state = 'accepted' OR state = 'refused' OR state = 'deferred' OR state = 'in_doubt' OR state = 'unknown'),
    CONSTRAINT ck_deliveries_unknown CHECK ((doubt_count = 3) = (state = 'unknown'))
);
CREATE TABLE schema_version (
    only_row INTEGER NOT NULL,
    needed_revision INTEGER NOT NULL,
    PRIMARY KEY (only_row),
    CONSTRAINT ck_schema_version_only_row CHECK (only_row = 1)
);
INSERT INTO "schema_version" VALUES(1,1);
CREATE INDEX ix_change_records_object ON change_records (object_kind, object_id, record_id);
CREATE INDEX ix_change_records_recorded_at ON change_records (recorded_at);
CREATE INDEX ix_deliveries_create_time ON deliveries (create_time, delivery_id);
CREATE TRIGGER gd_change_records_kept BEFORE DELETE ON change_records FOR EACH ROW WHEN true BEGIN SELECT RAISE(ABORT, 'gd_change_records_kept refuses this DELETE of change_records'); END;
CREATE TRIGGER gd_change_records_written_once BEFORE UPDATE ON change_records FOR EACH ROW WHEN true BEGIN SELECT RAISE(ABORT, 'gd_change_records_written_once refuses this UPDATE of change_records'); END;
CREATE TRIGGER gd_deliveries_counts_grow BEFORE UPDATE ON deliveries FOR EACH ROW WHEN NEW.fencing_token < OLD.fencing_token OR NEW.attempt_count < OLD.attempt_count OR NEW.doubt_count < OLD.doubt_count BEGIN SELECT RAISE(ABORT, 'gd_deliveries_counts_grow refuses this UPDATE of deliveries'); END;
CREATE TRIGGER gd_deliveries_cut_off_is_doubt BEFORE UPDATE ON deliveries FOR EACH ROW WHEN OLD.state = 'sending' AND NEW.attempt_count > OLD.attempt_count AND NEW.doubt_count = OLD.doubt_count BEGIN SELECT RAISE(ABORT, 'gd_deliveries_cut_off_is_doubt refuses this UPDATE of deliveries'); END;
CREATE TRIGGER gd_deliveries_ends_stand BEFORE UPDATE ON deliveries FOR EACH ROW WHEN (OLD.state = 'accepted' OR OLD.state = 'refused' OR OLD.state = 'unknown') AND (NEW.state <> OLD.state OR NEW.attempt_count <> OLD.attempt_count) BEGIN SELECT RAISE(ABORT, 'gd_deliveries_ends_stand refuses this UPDATE of deliveries'); END;
CREATE TRIGGER gd_deliveries_kept BEFORE DELETE ON deliveries FOR EACH ROW WHEN OLD.state NOT IN ('accepted', 'refused', 'unknown') BEGIN SELECT RAISE(ABORT, 'gd_deliveries_kept refuses this DELETE of deliveries'); END;
CREATE TRIGGER gd_deliveries_same_message BEFORE UPDATE ON deliveries FOR EACH ROW WHEN NEW.delivery_id <> OLD.delivery_id OR NEW.channel <> OLD.channel OR NEW.fingerprint <> OLD.fingerprint BEGIN SELECT RAISE(ABORT, 'gd_deliveries_same_message refuses this UPDATE of deliveries'); END;
