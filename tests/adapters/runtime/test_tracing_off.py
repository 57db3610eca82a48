"""Nobody who asks for no traces loads the library."""

import os
import subprocess
import sys
from pathlib import Path

SERVE = """
import asyncio, sys
from pager_grpc.{room} import bootstrap, config
from pager_grpc.runtime.config import read_settings

async def main():
    async with bootstrap.running_{room}(read_settings(config.{kind}Settings)):
        print(sorted(name for name in sys.modules if name.startswith("opentelemetry")))

asyncio.run(main())
"""


def test_a_room_that_serves_without_a_collector_has_not_loaded_opentelemetry(tmp_path):
    foreign = ("PAGER", "POLICY_", "NOTIFIER_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    environment |= {f"{room}_LISTEN": "127.0.0.1:0" for room in ("PAGER", "POLICY", "NOTIFIER")}
    environment |= {"PAGER_CATCH_ALL_EMAIL": "ana@example.com", "PYTHONPATH": str(Path(__file__).parents[3])}
    for room in ("pager", "policy", "notifier"):
        served = subprocess.run(
            [sys.executable, "-c", SERVE.format(room=room, kind=room.capitalize())],
            check=True,
            capture_output=True,
            text=True,
            timeout=100,
            cwd=tmp_path,
            env=environment,
        )
        assert served.stdout.splitlines()[-1] == "[]", room
