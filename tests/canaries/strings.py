"""Canaries: what nobody may find where it does not belong. Each is looked for in every spelling."""

import base64
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from pager_grpc.access.service_secret import service_key

MAIL = "zephyrine.quux-77e1@canary.example"
NUMBER = "+4915799182736"
TEXT = "the vault door 5c0f31 stands open"
DETAILS = "safe behind the picture 9d2b77, combination below"
NOTE = "called the locksmith 4a6e12 myself"
MAIL_PASSWORD = "xq-mail-2f8c41d0"
GATEWAY_TOKEN = "xq-gateway-91b7a3"
DATABASE_PASSWORD = "xq-database-6c05fe"
HEARTBEAT_TOKEN = "xq-heartbeat-be4417"
SERVICE_SECRET = "xq-services-70ad1e-know-each-other-by-this"
API_KEY = "pgr_canary01_" + "0d93c2aa51" * 6 + "beef"
WRONG_KEY = "pgr_canary01_" + "51aac2930d" * 6 + "feed"
SERVICE_KEYS = {room: service_key(SERVICE_SECRET.encode(), room) for room in ("pager", "policy", "notifier")}

ADDRESSES = (MAIL, NUMBER)
SECRETS = (
    *(MAIL_PASSWORD, GATEWAY_TOKEN, DATABASE_PASSWORD, HEARTBEAT_TOKEN, SERVICE_SECRET),
    # Of a key the id is told and the rest is the secret.
    *(key.rpartition("_")[2] for key in (API_KEY, WRONG_KEY, *SERVICE_KEYS.values())),
)
WORDS = (TEXT, DETAILS, NOTE)


def found_in(places: Mapping[str, str | bytes], canaries: Iterable[str]) -> dict[str, list[str]]:
    """By place, the canaries that stand in it: plainly, in any case, as a URL, in base64 or as hexadecimal digits."""
    patterns = {canary: re.compile("|".join(map(re.escape, _spellings(canary))), re.IGNORECASE) for canary in canaries}
    said = {place: text.decode(errors="replace") if isinstance(text, bytes) else text for place, text in places.items()}
    hits = {place: [c for c, pattern in patterns.items() if pattern.search(text)] for place, text in said.items()}
    return {place: canaries for place, canaries in hits.items() if canaries}


def _spellings(canary: str) -> set[str]:
    # A number is also told without its country, an address by what stands before the @.
    core = canary[3:] if canary.startswith("+") else canary.partition("@")[0]
    return {core, quote(core), core.encode().hex(), *_in_base64(core)}


def _in_base64(text: str) -> Iterable[str]:
    # Where it stands in what was encoded shifts its letters; those that its neighbours touch are cut off.
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + text.encode()).decode()
        yield encoded[-(-before * 8 // 6) : len(encoded) // 4 * 4 - 4]
