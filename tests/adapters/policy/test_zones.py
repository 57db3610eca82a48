import zoneinfo

from structlog.testing import capture_logs
from tzdata import __version__

from pager_grpc.policy.zones import use_packaged_zones


def test_zones_come_from_the_package_and_the_log_says_which(tmp_path):
    # A machine that has its own idea of Berlin is not asked.
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe" / "Berlin").write_bytes(b"not a zone")
    zoneinfo.reset_tzpath([tmp_path])
    with capture_logs() as logs:
        use_packaged_zones()
    assert zoneinfo.ZoneInfo("Europe/Berlin").key == "Europe/Berlin"
    assert zoneinfo.TZPATH == ()
    assert logs == [{"event": "time_zones", "tzdata": __version__, "log_level": "info"}]
