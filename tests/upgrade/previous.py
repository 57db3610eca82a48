"""The build before this one: what an upgrade begins with and a rollback returns to.

Its packages lie here packed, because neither a shallow clone nor the image has the history that they come from.
``scripts/pack_previous.sh COMMIT`` packs another one, at a release.
"""

import tarfile
from pathlib import Path

ARCHIVE = Path(__file__).with_name("previous.tar.xz")
COMMIT = "0d77199"
"""Where it is in the history."""


def unpacked(folder: Path) -> Path:
    """The packages of the build before, below ``folder``; what PYTHONPATH must name to run it."""
    with tarfile.open(ARCHIVE) as archive:
        # Debian's Python 3.11 does not know filters yet; the archive is our own.
        archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _folder: member)
        archive.extractall(folder)  # noqa: S202 - see above
    return folder
