"""``python -m pager_grpc.pager``: the pager microservice as a process."""

import sys

from pager_grpc.runtime.garbage import begin_loading


def main() -> int:
    """Serves until SIGTERM; returns the exit code."""
    begin_loading()
    from pager_grpc.pager.bootstrap import running_pager  # noqa: PLC0415 - nothing is collected while this is imported
    from pager_grpc.pager.config import PagerSettings  # noqa: PLC0415 - the same
    from pager_grpc.runtime.process import run_room  # noqa: PLC0415 - the same

    return run_room("pager", PagerSettings, running_pager)


if __name__ == "__main__":
    sys.exit(main())
