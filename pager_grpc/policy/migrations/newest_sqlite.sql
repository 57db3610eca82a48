-- Revision 0002 of policy, by `make schemas`.
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0002');
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
CREATE TABLE schema_version (
    only_row INTEGER NOT NULL,
    needed_revision INTEGER NOT NULL,
    PRIMARY KEY (only_row),
    CONSTRAINT ck_schema_version_only_row CHECK (only_row = 1)
);
INSERT INTO "schema_version" VALUES(1,1);
CREATE INDEX ix_policy_coverage_policy_id ON policy_coverage (policy_id);
CREATE TRIGGER gd_escalation_policies_revision_grows BEFORE UPDATE ON escalation_policies FOR EACH ROW WHEN NEW.revision < OLD.revision BEGIN SELECT RAISE(ABORT, 'gd_escalation_policies_revision_grows refuses this UPDATE of escalation_policies'); END;
CREATE TRIGGER gd_policy_revisions_kept BEFORE DELETE ON policy_revisions FOR EACH ROW WHEN EXISTS (SELECT 1 FROM escalation_policies AS p WHERE p.policy_id = OLD.policy_id AND p.revision = OLD.revision AND NOT p.ended) BEGIN SELECT RAISE(ABORT, 'gd_policy_revisions_kept refuses this DELETE of policy_revisions'); END;
CREATE TRIGGER gd_policy_revisions_written_once BEFORE UPDATE ON policy_revisions FOR EACH ROW WHEN true BEGIN SELECT RAISE(ABORT, 'gd_policy_revisions_written_once refuses this UPDATE of policy_revisions'); END;
CREATE UNIQUE INDEX uq_escalation_policies_default ON escalation_policies (default_policy) WHERE default_policy;
