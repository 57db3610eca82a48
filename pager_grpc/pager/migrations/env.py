from alembic import context

from pager_grpc.pager.tables_maintenance import metadata
from pager_grpc.runtime.migrations import run_environment

run_environment(context, metadata)
