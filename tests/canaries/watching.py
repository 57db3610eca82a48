"""Looks over the shoulder of other tests: what rooms have logged while one ran must hold no address and no key.

Processes of tests write their logs into files named ``*.log`` in the folder of the test; rooms in the process of the
test log to its standard output, which pytest captures. The addresses of tests are canaries of their own: all are of
``example.com``, and numbers begin with +49151.
"""

import re
from pathlib import Path

import pytest
from sealed import ADDRESS_KEY

# The default of `pagerd up` is nobody's address, and refusals say what an address is like.
_ADDRESS = re.compile(r"(?<!like )(?!oncall@)\b[\w.+-]+@example\.com|\+?49151\d{6,}|" + re.escape(ADDRESS_KEY))
_LOGGED = re.compile(r'^\{.*"event":.*\}$|^\d{4}-\d\d-\d\d .*\[(?:debug|info|warning|error)\s*\].*$', re.MULTILINE)


def leaks_of(item: pytest.Item, report: pytest.TestReport) -> list[str]:
    """Lines of logs that ``item`` made rooms write and that show an address or a key; 20 at most."""
    folder = getattr(item, "funcargs", None) and item.funcargs.get("tmp_path")
    logs = [path.read_text(errors="replace") for path in folder.rglob("*.log")] if isinstance(folder, Path) else []
    lines = [line for log in logs for line in log.splitlines()]
    lines += [found.group() for found in _LOGGED.finditer(f"{report.capstdout}\n{report.capstderr}")]
    return [line for line in lines if _ADDRESS.search(line)][:20]


def watched(item: pytest.Item, report: pytest.TestReport) -> pytest.TestReport:
    """``report``, for the hook that makes it; the end of a test that passed is a failure if there are leaks."""
    if report.when == "teardown" and report.passed and (leaks := leaks_of(item, report)):
        report.outcome = "failed"
        report.longrepr = "\n".join(["A log shows an address or a key:", *leaks])
    return report
