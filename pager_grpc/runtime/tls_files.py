"""Where the certificates of a process are."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the authorities that are trusted, and what the process shows of itself, if anything."""

    authorities: Path
    certificate: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        """A certificate is of no use without its key, nor the other way round."""
        if (self.certificate is None) != (self.key is None):
            raise ValueError("a certificate and its key are given together")
