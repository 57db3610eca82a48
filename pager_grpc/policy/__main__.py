"""``python -m pager_grpc.policy``: the policy microservice as a process."""

import sys

from pager_grpc.runtime.garbage import begin_loading


def main() -> int:
    """Serves until SIGTERM; returns the exit code."""
    begin_loading()
    from pager_grpc.policy.bootstrap import running_policy  # noqa: PLC0415 - nothing is collected while this is imported
    from pager_grpc.policy.config import PolicySettings  # noqa: PLC0415 - the same
    from pager_grpc.runtime.process import run_room  # noqa: PLC0415 - the same

    return run_room("policy", PolicySettings, running_policy)


if __name__ == "__main__":
    sys.exit(main())
