"""What the libraries that tests use do now and then, and no room is to blame for."""

WRITTEN_TOO_LATE = "Internal error from Core"
"""What grpc.aio's client makes of a message that it writes to a stream which the server has refused meanwhile."""
