"""Variables that look like settings and are none: a misspelt one would be ignored without a word."""

import os
import re
from collections.abc import Iterator
from difflib import get_close_matches

from pydantic_settings import BaseSettings, DotEnvSettingsSource

from pager_grpc.daemon.rooms import Room, settings_kind

_OURS = re.compile(r"(PAGERD|PAGER|POLICY|NOTIFIER)_")
# What Kubernetes tells every container about each Service, which may be called pager, pager-policy or the like.
_SERVICE_LINK = re.compile(r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_\w+)?)")


def remarks_on_unknown_settings() -> Iterator[str]:
    """A sentence for each variable of the environment or ``.env`` that is named like a setting and is none."""
    known = {field.alias for room in Room for field in settings_kind(room).model_fields.values() if field.alias}
    given = {*os.environ, *DotEnvSettingsSource(BaseSettings, env_file=".env", case_sensitive=True).env_vars}
    for name in sorted(given - known):
        if _OURS.match(name) and not _SERVICE_LINK.fullmatch(name):
            meant = get_close_matches(name, known, n=1, cutoff=0.8)
            yield f"{name} is not a setting{f'; is {meant[0]} meant?' if meant else ' and is ignored'}"
