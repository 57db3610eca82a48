"""The nemesis is believed only if its faults are real and its verdict can be bad."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from nemesis.aftermath import unanswered
from nemesis.lies import LIES, unnoticed
from nemesis.network import why_no_namespaces
from nemesis.report import lateness
from simulation.checkers import violations
from simulation.history import Call, Fault, History
from simulation.moments import Bounds
from simulation.test_checkers import T, a_history, moved

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(300)  # the probe waits for things that hang


WHAT_A_CUT_DOES = {
    "silent": {"arrived": False, "during": "silence", "attempt": "hangs"},
    "refusing": {"arrived": False, "attempt": "refused"},
    "requests lost": {"arrived": False, "during": "silence", "attempt": "hangs"},
    "answers lost": {"arrived": True, "during": "silence", "attempt": "hangs"},
}


def probe(folder: Path, *arguments: str) -> dict[str, Any]:
    """What each fault does to something small."""
    ran = subprocess.run(
        [sys.executable, "-m", "nemesis.probe", str(folder), *arguments],
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize("arguments", [(), ("--loopback",)], ids=["best", "loopback"])
def test_each_fault_does_what_it_says_and_all_is_well_after_it(arguments, tmp_path):
    seen = probe(tmp_path, *arguments)
    in_namespaces = not arguments and not why_no_namespaces()
    assert seen["network"] == ("network namespaces" if in_namespaces else "TCP relays on loopback")
    assert bool(seen["why_no_namespaces"]) != in_namespaces

    for how, expected in WHAT_A_CUT_DOES.items():
        assert seen["cuts"][how].items() >= ({"before": "answered", "after": "connected"} | expected).items(), how
    assert seen["cuts"]["refusing"]["during"] in ("silence", "cut")

    assert seen["processes"] == {"ends": [[-9, True]], "stopped": -15}
    database = seen["database"]
    stops = {mode: database[f"stop {mode}"] for mode in ("fast", "immediate", "kill")}
    assert stops["kill"]["code"] == -9
    assert all(stop["after"] for stop in stops.values())
    assert database["commit"] == {"heard": "an error", "rows": 1, "counted": 1}
    assert database["lone statement"] == {"heard": "an error", "rows": 1, "counted": 1}
    assert database.get("disk") == ({"during": "an error", "after": "OK"} if in_namespaces else None)


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_lie_in_the_history_is_found_under_the_name_of_its_promise(lie):
    history = a_history()
    lie(history)
    assert LIES[lie] in {violation.split()[0] for violation in violations(history)}


def test_every_lie_is_noticed_in_a_true_history():
    assert unnoticed(a_history()) == []


def test_a_history_in_which_nothing_happened_proves_nothing():
    assert len(unnoticed(History())) == len(LIES)


def test_a_call_without_an_answer_is_excused_by_a_fault_until_recovery_must_be_over():
    history = History(
        faults=[Fault("partition", T, T + 10)],
        calls=[
            Call("raise", "checkout", f"r-{began}", T + began, T + began + 3, "unknown") for began in (-2, 9, 24, 26)
        ],
    )
    assert [what.split()[2] for what in unanswered(history, Bounds())] == ["r-26"]


def test_recovery_counts_from_the_end_of_the_fault():
    history = a_history()
    history.faults = [Fault("partition", T, T + 6)]
    moved(history, level=8)
    history.hand_offs = [type(hand_off)(hand_off.delivery_id, "", T + 9) for hand_off in history.hand_offs]
    late = lateness(history)
    assert (late.escalation, late.first_page, sorted(late.recovery)) == ([8.0], [9.0], [2.0, 3.0])
