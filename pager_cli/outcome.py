"""How a command ends: the exit codes that scripts may trust, and the one failure that carries them."""

from dataclasses import dataclass

OK = 0
REFUSED = 1
USAGE = 2
NO_ANSWER = 3
BUG = 70
INTERRUPTED = 130
BROKEN_PIPE = 141


@dataclass(eq=False)
class CommandFailed(Exception):
    """A command that cannot be done. ``sentence`` says what is wrong and what to do; empty: all is said."""

    exit_code: int
    sentence: str

    def __str__(self) -> str:
        return self.sentence
