"""Where the time zones come from: the pinned ``tzdata`` package, never the machine, so that all replicas agree."""

import zoneinfo
from importlib.metadata import version

import structlog


def use_packaged_zones() -> None:
    """From now on this process reads zones of the package only, and says of which version."""
    zoneinfo.reset_tzpath(())
    zoneinfo.ZoneInfo.clear_cache()
    structlog.get_logger().info("time_zones", tzdata=version("tzdata"))
