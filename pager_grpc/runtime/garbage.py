"""When Python's cyclic collector looks at what, in a process that serves."""

import gc
from typing import Final

YOUNG: Final = 10_000
"""So many new containers are looked at together. A batch of alerts makes many more than Python's 700, and nearly all
live until it is committed: to look sooner finds nothing.
"""


def begin_loading() -> None:
    """Nothing is collected until :func:`keep_what_is_loaded`; called before a process imports the most of itself.

    What is imported stays, and to look at it again and again was a sixth of the time until a room serves.
    """
    gc.disable()


def keep_what_is_loaded() -> None:
    """What is in memory now stays as long as the process does, and is never looked at; called once, when it serves.

    Modules, schemas and protos are more than 100,000 objects; to walk all of them again and again cost a call up to
    70 µs, and stopped the loop for 30 ms at a time (docs/decisions/0033).
    """
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
    gc.enable()
