"""What the pager reads from the environment."""

import pytest

from pager_grpc.pager.config import PagerSettings
from pager_grpc.runtime.config import ConfigurationFault, read_settings


@pytest.fixture
def read(monkeypatch, tmp_path):
    """Reads the settings from nothing but the given variables and what is required."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAGER_CATCH_ALL_EMAIL", "everybody@example.com")

    def reading(**variables: str) -> PagerSettings:
        monkeypatch.delenv("PAGER_RETENTION_DAYS", raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return read_settings(PagerSettings)

    return reading


@pytest.mark.parametrize(("given", "days"), [({}, 90), ({"PAGER_RETENTION_DAYS": "0"}, 0)])
def test_what_is_over_is_kept_for_90_days_unless_said(read, given, days):
    assert read(**given).retention_days == days


@pytest.mark.parametrize("days", ["-1", "1", "3651"])
def test_what_is_over_is_kept_for_two_days_at_least_or_for_ever(read, days):
    with pytest.raises(ConfigurationFault) as fault:
        read(PAGER_RETENTION_DAYS=days)
    assert fault.value.faults == ["PAGER_RETENTION_DAYS: must be 0 (nothing is forgotten) or 2 to 3650 days"]
