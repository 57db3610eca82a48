"""pagerctl status looks at three real rooms, while they come and go."""

import json
import os
import subprocess
import sys

import pytest
from end_to_end.world import ROOT, World, eventually
from windows.conftest import ANA, BEN, ROOMS


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path, {room: f"sqlite+aiosqlite:///{tmp_path / room}.db" for room in ROOMS}).start()
    yield world
    world.stop()


def status_of(world):
    """The exit code and what it printed, as a machine reads it."""
    rooms = {f"PAGERCTL_{room.upper()}_TARGET": world.rooms[room].address for room in ("policy", "notifier")}
    done = subprocess.run(
        [sys.executable, "-m", "pager_cli.pagerctl", "status", "--json", "--timeout", "5"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | rooms | {"PAGERCTL_TARGET": world.rooms["pager"].address},
    )
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def test_a_page_that_nobody_takes_is_seen_and_a_service_that_is_gone(world):
    world.create_policy([ANA, BEN], seconds=600)
    world.raise_alert()
    eventually(lambda: world.mail.received()[ANA] and world.sms.received()[BEN], "both are paged")

    def is_well():
        code, told = status_of(world)
        providers = told["services"]["notifier"]["status"]["providers"]
        names = {provider["name"] for provider in providers if "accept_time" in provider}
        return code == 0 and told["sentence"] == "Paging works." and names == {"smtp", "sms-gateway"}

    eventually(is_well, "all is well")
    world.rooms["notifier"].stop()
    world.raise_alert("basket")

    def is_owed():
        code, told = status_of(world)
        backlog = told["services"]["pager"]["status"]["paging"]["backlog"]
        return code == 1 and "oldest_page_age" in backlog and told

    told = eventually(is_owed, "a page is owed")
    assert told["sentence"] == "Paging does not work: the pager does not reach the notifier; pages wait."
    assert told["services"]["notifier"]["status"] is None
    world.rooms["notifier"].start()
    eventually(lambda: status_of(world)[0] == 0, "the page has gone out")
    world.rooms["pager"].kill()
    code, told = status_of(world)
    assert code == 1
    assert told["sentence"].startswith("Paging does not work: no pager answers at")
