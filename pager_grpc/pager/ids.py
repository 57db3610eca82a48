"""Ids that the pager chooses."""

import secrets
import time


def new_id() -> str:
    """24 hexadecimal digits that grow with time: 12 of milliseconds, 12 of chance."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(6)}"
