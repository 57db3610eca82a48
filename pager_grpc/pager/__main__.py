"""``python -m pager_grpc.pager``: the pager microservice as a process."""

import sys

from pager_grpc.pager.bootstrap import running_pager
from pager_grpc.pager.config import PagerSettings
from pager_grpc.runtime.process import run_room


def main() -> int:
    """Serves until SIGTERM; returns the exit code."""
    return run_room("pager", PagerSettings, running_pager)


if __name__ == "__main__":
    sys.exit(main())
