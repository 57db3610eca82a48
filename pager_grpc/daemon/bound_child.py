"""``python -IS bound_child.py PARENT MODULE``: becomes ``python -m MODULE``, which dies with PARENT.

A program of its own because code between fork and exec (``preexec_fn``) may deadlock in a process with threads.
Linux only; elsewhere the module runs without the bond.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Binds this process to its parent and runs the module in its place."""
    parent, module = int(sys.argv[1]), sys.argv[2]
    if sys.platform == "linux":
        # SIGKILL: the next `pagerd up` must find ports and files free at once, and a killed room loses no page.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit(0)  # the parent died before it could be bound to
    os.execv(sys.executable, [sys.executable, "-m", module])  # noqa: S606 - the room's process, without a shell


if __name__ == "__main__":
    main()
