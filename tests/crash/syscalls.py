"""Counts and kills at the N-th system call that leaves a mark outside the process: fsync, fdatasync, socket writes.

By seccomp's user notification (Linux 5.5): the kernel stops such a call and asks this supervisor, which lets it go on,
answers in its place, or kills the process before the call is made. It needs no rights, no tracer and no other program.
"""

import ctypes
import errno
import fcntl
import os
import platform
import select
import signal
import struct
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# (AUDIT_ARCH, seccomp, fsync, fdatasync, sendmsg, sendmmsg, sendto) by machine, and (write, pwrite64).
_MACHINES = {
    "x86_64": (0xC000003E, 317, 74, 75, 46, 307, 44),
    "aarch64": (0xC00000B7, 277, 82, 83, 211, 269, 206),
}
_WRITES = {"x86_64": (1, 18), "aarch64": (64, 68)}
_SET_MODE_FILTER, _NEW_LISTENER, _NO_NEW_PRIVS = 1, 8, 38
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER, _ARCH, _THIRD_ARGUMENT = 0, 4, 32
_NOTIFICATION_BYTES, _CALLER_AT, _CALL_NUMBER_AT, _FIRST_ARGUMENT_AT = 80, 8, 16, 32
_RECEIVE, _ANSWER, _CONTINUE = 0xC0502100, 0xC0182101, 1


class Unsupported(Exception):
    """This machine cannot stop system calls for us."""


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def _instructions(arch: int, wholly: tuple[int, ...], sendto: int) -> bytes:
    """Notify of the calls in ``wholly``, and of sendto unless it is one byte: a loop of asyncio waking itself."""
    steps = [(_LOAD, 0, 0, _ARCH), (_EQUAL, 0, len(wholly) + 2, arch), (_LOAD, 0, 0, _NUMBER)]
    for position, number in enumerate(wholly):
        steps.append((_EQUAL, len(wholly) - position + 3, 0, number))
    steps += [(_EQUAL, 1, 0, sendto), (_RETURN, 0, 0, _ALLOW)]
    steps += [(_LOAD, 0, 0, _THIRD_ARGUMENT), (_EQUAL, 1, 0, 1), (_RETURN, 0, 0, _NOTIFY), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("HBBI", *step) for step in steps)


def _listen(*, writes: bool = False) -> int:
    """Installs the filter in this process and its children; the descriptor at which the kernel asks.

    With ``writes`` it asks about those of files, too.
    """
    if platform.system() != "Linux" or platform.machine() not in _MACHINES:
        raise Unsupported(f"system calls are not known for {platform.system()} on {platform.machine()}")
    arch, seccomp, *wholly, sendto = _MACHINES[platform.machine()]
    wholly += _WRITES[platform.machine()] if writes else ()
    instructions = _instructions(arch, tuple(wholly), sendto)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    program = _Program(len(instructions) // 8, instructions)
    listener: int = libc.syscall(seccomp, _SET_MODE_FILTER, _NEW_LISTENER, ctypes.byref(program))
    if listener < 0:
        raise Unsupported(f"seccomp's user notification: {os.strerror(ctypes.get_errno())}")
    return listener


def supervise(
    run: Callable[[], None], kill_at: int, folder: Path, fail_sync_at: int = 0, *, may_be_full: bool = False
) -> None:
    """Runs ``run`` in a child. Calls count while the file ``armed`` exists; then ``count`` says "syncs writes".

    With ``kill_at`` > 0 the child is killed before that call; with ``fail_sync_at`` > 0 that sync of a file fails, as
    on a broken disk, and no other. Either makes the mark of CRASH_MARK; ``file_syncs`` says how many there were.
    With ``may_be_full`` nothing can be written to any file, the log included, while the file ``full`` exists.
    """
    # A filter is a thread's. Whoever answers writes, too, and nobody would answer that; the child dies with its thread.
    thread = ThreadPoolExecutor(1)
    listener, child = thread.submit(_forked, run, may_be_full).result()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: os.kill(child, number))
    ended = os.pidfd_open(child)
    _, _, *syncs = _MACHINES[platform.machine()][:4]
    counted: Counter[bool] = Counter()
    file_syncs = 0
    while True:
        ready, _, _ = select.select([listener, ended], [], [])
        if ended in ready:
            break
        if (call := _next_call(listener)) is None:
            continue
        number, notification, of_a_file = call
        if number in _WRITES[platform.machine()]:
            is_full = of_a_file and (folder / "full").exists()
            _answer(listener, notification, *((-errno.ENOSPC, 0) if is_full else (0, _CONTINUE)))
            continue
        counted[number in syncs] += (folder / "armed").exists()
        file_syncs += number in syncs and of_a_file and (folder / "armed").exists()
        if counted.total() == kill_at > 0:
            Path(os.environ["CRASH_MARK"]).touch()
            os.kill(child, signal.SIGKILL)
        elif number in syncs and of_a_file and file_syncs == fail_sync_at > 0:
            Path(os.environ["CRASH_MARK"]).touch()
            _answer(listener, notification, -errno.EIO, 0)
        else:
            _answer(listener, notification, 0, _CONTINUE)
    (folder / "count").write_text(f"{counted[True]} {counted[False]}")
    (folder / "file_syncs").write_text(str(file_syncs))
    _, status = os.waitpid(child, 0)
    sys.exit(0 if os.waitstatus_to_exitcode(status) == 0 else 1)


def _forked(run: Callable[[], None], writes: bool) -> tuple[int, int]:
    """The descriptor at which the kernel asks about a new process that does ``run``, and its pid."""
    listener = _listen(writes=writes)
    if (child := os.fork()) == 0:
        os.close(listener)
        _exit_after(run)
    return listener, child


def _exit_after(run: Callable[[], None]) -> None:
    """Never returns: the thread that was forked would wait for more to do."""
    try:
        run()
    except SystemExit as end:
        os._exit(end.code if isinstance(end.code, int) else 1)
    except BaseException:  # noqa: BLE001 - the same
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def why_not() -> str:
    """Why this machine cannot do it; empty if it can. The filter stays in the process that asks."""
    try:
        os.close(_listen())
    except Unsupported as reason:
        return str(reason)
    return ""


def _next_call(listener: int) -> tuple[int, int, bool] | None:
    """(its number, the kernel's id of this notification, whether its first argument is an open file)."""
    notification = bytearray(_NOTIFICATION_BYTES)
    try:
        fcntl.ioctl(listener, _RECEIVE, notification)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.EINTR):  # whoever called has died meanwhile
            return None
        raise
    (number,) = struct.unpack_from("i", notification, _CALL_NUMBER_AT)
    (caller,) = struct.unpack_from("I", notification, _CALLER_AT)
    (descriptor,) = struct.unpack_from("Q", notification, _FIRST_ARGUMENT_AT)
    # SQLite syncs a folder, too, and does not care whether that fails: some disks cannot do it.
    of_a_file = Path(f"/proc/{caller}/fd/{descriptor}").is_file()
    return number, int.from_bytes(notification[:8], sys.byteorder), of_a_file


def _answer(listener: int, notification: int, error: int, flags: int) -> None:
    try:
        fcntl.ioctl(listener, _ANSWER, struct.pack("QqiI", notification, 0, error, flags))
    except OSError as fault:
        if fault.errno != errno.ENOENT:
            raise
