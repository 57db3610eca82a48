"""What Python's cyclic collector need not look at."""

import gc


def keep_what_is_loaded() -> None:
    """What is in memory now stays as long as the process does, and is never looked at again.

    Called once by a process, when it serves. Modules, schemas and protos are more than 100,000 objects; to walk all of
    them again and again cost a call up to 70 µs, and stopped the loop for 30 ms at a time (docs/decisions/0034).
    """
    gc.collect()
    gc.freeze()
