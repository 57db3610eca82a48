"""``python -m pager_grpc.policy``: the policy microservice as a process."""

import sys

from pager_grpc.policy.bootstrap import running_policy
from pager_grpc.policy.config import PolicySettings
from pager_grpc.runtime.process import run_room


def main() -> int:
    """Serves until SIGTERM; returns the exit code."""
    return run_room("policy", PolicySettings, running_policy)


if __name__ == "__main__":
    sys.exit(main())
