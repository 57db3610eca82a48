"""The one table of access, the same in the database of every room."""

import sqlalchemy as sa

from pager_grpc.runtime.columns import IdText, JsonDocument, UtcDateTime


def api_keys_table(metadata: sa.MetaData) -> sa.Table:
    """The table for the metadata of a room. NULL in ``monitored_services`` and ``verbs``: all of them."""
    return sa.Table(
        "api_keys",
        metadata,
        sa.Column("api_key_id", IdText, primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("monitored_services", JsonDocument, nullable=True),
        sa.Column("verbs", JsonDocument, nullable=True),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expire_time", UtcDateTime, nullable=True),
        sa.Column("revoke_time", UtcDateTime, nullable=True),
    )
