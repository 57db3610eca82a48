import subprocess
import sys

import pytest

from bench import busy
from bench.busy import Usage

_WORK = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"


def test_what_is_not_ours_is_others_as_a_share_of_all_cores(monkeypatch):
    monkeypatch.setattr(busy, "_CORES", 2)
    before = Usage(at=10, all=100, ours=50)
    assert before.others_until(Usage(at=20, all=112, ours=60)) == pytest.approx(0.1)
    assert before.others_until(Usage(at=20, all=110, ours=60)) == 0
    assert before.others_until(Usage(at=20, all=109, ours=60)) == 0  # both clocks tick


def test_a_process_that_we_started_and_that_has_ended_is_ours():
    before = busy.usage()
    subprocess.run([sys.executable, "-c", _WORK], check=True)
    assert busy.usage().ours - before.ours >= 0.3


def test_a_process_that_detached_itself_is_ours_while_it_is_named_and_counts_when_it_has_ended():
    """Its shell ends at once and leaves it to whoever adopts it; it works, says so, and waits to be let go."""
    program = f"{_WORK}\nprint('worked', flush=True)\nimport sys\nsys.stdin.read()"
    shell = ["sh", "-c", 'exec 3<&0; "$0" -c "$1" <&3 & echo $!', sys.executable, program]
    with subprocess.Popen(shell, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        pid = int(started.stdout.readline())
        before = busy.usage()
        with busy.ours(pid):
            assert started.stdout.readline() == "worked\n"
            assert busy.usage().ours - before.ours >= 0.3
        started.stdin.close()
        assert started.stdout.read() == ""
    assert busy.usage().ours - before.ours >= 0.3
