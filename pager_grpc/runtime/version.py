"""Which version of the Pager this is."""

from importlib.metadata import PackageNotFoundError, version


def own_version() -> str:
    """Like ``1.2.0``; ``source`` when it runs from a source tree that is not installed."""
    try:
        return version("hexagonal-pager")
    except PackageNotFoundError:
        return "source"
