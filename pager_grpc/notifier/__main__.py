"""``python -m pager_grpc.notifier``: the notifier microservice as a process."""

import sys

from pager_grpc.notifier.bootstrap import running_notifier
from pager_grpc.notifier.config import NotifierSettings
from pager_grpc.runtime.process import run_room


def main() -> int:
    """Serves until SIGTERM; returns the exit code."""
    return run_room("notifier", NotifierSettings, running_notifier)


if __name__ == "__main__":
    sys.exit(main())
