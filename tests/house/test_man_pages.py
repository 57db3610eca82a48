"""The manual pages are what the commands say of themselves."""

import subprocess
import sys

from house.sources import ROOT


def test_the_manual_pages_are_those_that_make_man_writes():
    command = [sys.executable, "scripts/man_pages.py", "--check"]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
