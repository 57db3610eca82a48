"""Runs a command's coroutine and turns whatever ends it into an exit code and one line on stderr."""

import os
import sys
from collections.abc import Coroutine
from typing import Any

from pager_cli.outcome import BROKEN_PIPE, INTERRUPTED, OK, CommandFailed


def complain(sentence: str) -> None:
    """Writes one line to stderr, whatever line ends or control characters ``sentence`` brought along."""
    sys.stdout.flush()
    line = "".join(character if character.isprintable() else " " for character in sentence)
    sys.stderr.write(f"pagerctl: {line}\n")
    sys.stderr.flush()


def run(command: Coroutine[Any, Any, None], *, interrupted: int = INTERRUPTED) -> int:
    """Runs ``command`` to its end and returns the exit code; ``interrupted`` is the one for Ctrl-C."""
    import asyncio  # noqa: PLC0415 - whoever asks for help does not wait for it

    try:
        asyncio.run(command)
        sys.stdout.flush()
    except CommandFailed as failure:
        if failure.sentence:
            complain(failure.sentence)
        return failure.exit_code
    except KeyboardInterrupt:
        return interrupted
    except BrokenPipeError:
        # The reader has gone; nothing more may be written there, not even by the interpreter's last flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return OK
