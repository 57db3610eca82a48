"""What a room counts of its database: how long commits take, how many connections are in use."""

from prometheus_client import CollectorRegistry, Gauge, Histogram

from pager_grpc.runtime.database import Database

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


def measure_database(database: Database, registry: CollectorRegistry) -> None:
    """From now on the commits and the connections of ``database`` are measured."""
    commits = Histogram(
        "database_commit_seconds", "How long commits took that stand.", buckets=_SECONDS, registry=registry
    )
    database.commits.observe = commits.observe
    in_use = Gauge("database_connections_in_use", "Connections of the pool that are in use.", registry=registry)
    in_use.set_function(lambda: database.connections.in_use)
    most = Gauge("database_connections_limit", "Connections that the pool may open.", registry=registry)
    most.set(database.connections.limit)
