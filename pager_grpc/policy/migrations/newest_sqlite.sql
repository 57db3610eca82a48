-- Revision 0006 of policy, by `make schemas`.
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0006');
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
CREATE TABLE contact_verifications (
    person_id TEXT NOT NULL,
    contact_method_id TEXT NOT NULL,
    generation BIGINT NOT NULL,
    address TEXT NOT NULL,
    salt TEXT NOT NULL,
    code_hash TEXT NOT NULL,
    wrong_tries INTEGER NOT NULL,
    used BOOLEAN NOT NULL,
    create_time TEXT NOT NULL,
    expire_time TEXT NOT NULL,
    send_time TEXT,
    PRIMARY KEY (person_id, contact_method_id),
    CONSTRAINT ck_contact_verifications_expire_time CHECK (expire_time > create_time),
    CONSTRAINT ck_contact_verifications_generation CHECK (generation >= 1),
    CONSTRAINT ck_contact_verifications_wrong_tries CHECK (wrong_tries BETWEEN 0 AND 5)
);
CREATE TABLE escalation_policies (
    policy_id TEXT NOT NULL,
    revision BIGINT NOT NULL,
    default_policy BOOLEAN NOT NULL,
    ended BOOLEAN NOT NULL,
    create_time TEXT NOT NULL,
    update_time TEXT NOT NULL,
    PRIMARY KEY (policy_id),
    CONSTRAINT ck_escalation_policies_ended_default CHECK (NOT (ended AND default_policy)),
    CONSTRAINT ck_escalation_policies_revision CHECK (revision >= 1)
);
CREATE TABLE policy_coverage (
    monitored_service_id TEXT NOT NULL,
    policy_id TEXT NOT NULL,
    PRIMARY KEY (monitored_service_id),
    FOREIGN KEY(policy_id) REFERENCES escalation_policies (policy_id)
);
CREATE TABLE "policy_revisions" (
    policy_id TEXT NOT NULL,
    revision BIGINT NOT NULL,
    document JSON NOT NULL,
    PRIMARY KEY (policy_id, revision),
    FOREIGN KEY(policy_id) REFERENCES escalation_policies (policy_id),
    CONSTRAINT ck_policy_revisions_levels CHECK (coalesce(document ->> 'levels', '[]') <> '[]'),
    CONSTRAINT ck_policy_revisions_revision CHECK (revision >= 1)
);
CREATE TABLE policy_targets (
    kind TEXT NOT NULL,
    entry_id TEXT NOT NULL,
    policy_id TEXT NOT NULL,
    PRIMARY KEY (kind, entry_id, policy_id),
    FOREIGN KEY(kind, entry_id) REFERENCES roster_entries (kind, entry_id),
    FOREIGN KEY(policy_id) REFERENCES escalation_policies (policy_id)
);
CREATE TABLE roster_entries (
    kind TEXT NOT NULL,
    entry_id TEXT NOT NULL,
    revision BIGINT NOT NULL,
    ended BOOLEAN NOT NULL,
    PRIMARY KEY (kind, entry_id),
    CONSTRAINT ck_roster_entries_kind CHECK (kind IN ('person', 'schedule')),
    CONSTRAINT ck_roster_entries_revision CHECK (revision >= 1)
);
CREATE TABLE roster_revisions (
    kind TEXT NOT NULL,
    entry_id TEXT NOT NULL,
    revision BIGINT NOT NULL,
    document JSON NOT NULL,
    create_time TEXT NOT NULL,
    update_time TEXT NOT NULL,
    end_time TEXT,
    PRIMARY KEY (kind, entry_id, revision),
    FOREIGN KEY(kind, entry_id) REFERENCES roster_entries (kind, entry_id),
    CONSTRAINT ck_roster_revisions_layers CHECK (kind <> 'schedule' OR coalesce(document ->> 'layers', '[]') <> '[]'),
    CONSTRAINT ck_roster_revisions_revision CHECK (revision >= 1)
);
CREATE TABLE round_robin_counters (
    policy_id TEXT NOT NULL,
    level INTEGER NOT NULL,
    next_turn BIGINT NOT NULL,
    PRIMARY KEY (policy_id, level),
    FOREIGN KEY(policy_id) REFERENCES escalation_policies (policy_id),
    CONSTRAINT ck_round_robin_counters_level CHECK (level >= 1),
    CONSTRAINT ck_round_robin_counters_next_turn CHECK (next_turn >= 0)
);
CREATE TABLE round_robin_turns (
    policy_id TEXT NOT NULL,
    level INTEGER NOT NULL,
    incident_id TEXT NOT NULL,
    turn BIGINT NOT NULL,
    create_time TEXT NOT NULL,
    PRIMARY KEY (policy_id, level, incident_id),
    FOREIGN KEY(policy_id, level) REFERENCES round_robin_counters (policy_id, level),
    CONSTRAINT ck_round_robin_turns_turn CHECK (turn >= 0)
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
CREATE INDEX ix_policy_coverage_policy_id ON policy_coverage (policy_id);
CREATE INDEX ix_policy_targets_policy_id ON policy_targets (policy_id);
CREATE INDEX ix_round_robin_turns_create_time ON round_robin_turns (create_time);
CREATE TRIGGER gd_change_records_kept BEFORE DELETE ON change_records FOR EACH ROW WHEN true BEGIN SELECT RAISE(ABORT, 'gd_change_records_kept refuses this DELETE of change_records'); END;
CREATE TRIGGER gd_change_records_written_once BEFORE UPDATE ON change_records FOR EACH ROW WHEN true BEGIN SELECT RAISE(ABORT, 'gd_change_records_written_once refuses this UPDATE of change_records'); END;
CREATE TRIGGER gd_contact_verifications_only_forward BEFORE UPDATE ON contact_verifications FOR EACH ROW WHEN NEW.generation < OLD.generation OR (NEW.generation = OLD.generation AND (NEW.wrong_tries < OLD.wrong_tries OR (OLD.used AND NOT NEW.used) OR NEW.code_hash <> OLD.code_hash OR NEW.address <> OLD.address OR NEW.expire_time <> OLD.expire_time)) BEGIN SELECT RAISE(ABORT, 'gd_contact_verifications_only_forward refuses this UPDATE of contact_verifications'); END;
CREATE TRIGGER gd_escalation_policies_revision_grows BEFORE UPDATE ON escalation_policies FOR EACH ROW WHEN NEW.revision < OLD.revision BEGIN SELECT RAISE(ABORT, 'gd_escalation_policies_revision_grows refuses this UPDATE of escalation_policies'); END;
CREATE TRIGGER gd_policy_revisions_kept BEFORE DELETE ON policy_revisions FOR EACH ROW WHEN EXISTS (SELECT 1 FROM escalation_policies AS p WHERE p.policy_id = OLD.policy_id AND p.revision = OLD.revision AND NOT p.ended) BEGIN SELECT RAISE(ABORT, 'gd_policy_revisions_kept refuses this DELETE of policy_revisions'); END;
CREATE TRIGGER gd_policy_revisions_written_once BEFORE UPDATE ON policy_revisions FOR EACH ROW WHEN true BEGIN SELECT RAISE(ABORT, 'gd_policy_revisions_written_once refuses this UPDATE of policy_revisions'); END;
CREATE TRIGGER gd_roster_entries_revision_grows BEFORE UPDATE ON roster_entries FOR EACH ROW WHEN NEW.revision < OLD.revision BEGIN SELECT RAISE(ABORT, 'gd_roster_entries_revision_grows refuses this UPDATE of roster_entries'); END;
CREATE TRIGGER gd_roster_revisions_kept BEFORE DELETE ON roster_revisions FOR EACH ROW WHEN EXISTS (SELECT 1 FROM roster_entries AS e WHERE e.kind = OLD.kind AND e.entry_id = OLD.entry_id AND e.revision = OLD.revision AND NOT e.ended) BEGIN SELECT RAISE(ABORT, 'gd_roster_revisions_kept refuses this DELETE of roster_revisions'); END;
CREATE TRIGGER gd_roster_revisions_written_once BEFORE UPDATE ON roster_revisions FOR EACH ROW WHEN OLD.end_time IS NOT NULL OR NEW.end_time IS NULL OR NEW.kind <> OLD.kind OR NEW.entry_id <> OLD.entry_id OR NEW.revision <> OLD.revision OR NEW.document <> OLD.document OR NEW.create_time <> OLD.create_time OR NEW.update_time <> OLD.update_time BEGIN SELECT RAISE(ABORT, 'gd_roster_revisions_written_once refuses this UPDATE of roster_revisions'); END;
CREATE TRIGGER gd_round_robin_counters_grow BEFORE UPDATE ON round_robin_counters FOR EACH ROW WHEN NEW.next_turn < OLD.next_turn BEGIN SELECT RAISE(ABORT, 'gd_round_robin_counters_grow refuses this UPDATE of round_robin_counters'); END;
CREATE TRIGGER gd_round_robin_turns_written_once BEFORE UPDATE ON round_robin_turns FOR EACH ROW WHEN true BEGIN SELECT RAISE(ABORT, 'gd_round_robin_turns_written_once refuses this UPDATE of round_robin_turns'); END;
CREATE UNIQUE INDEX uq_escalation_policies_default ON escalation_policies (default_policy) WHERE default_policy;
CREATE UNIQUE INDEX uq_round_robin_turns_turn ON round_robin_turns (policy_id, level, turn);
