"""Ids that the pager chooses."""

import os
import time


def new_id() -> str:
    """24 hexadecimal digits that grow with time: 12 of milliseconds, 12 of chance."""
    return f"{time.time_ns() // 1_000_000:012x}{os.urandom(6).hex()}"
