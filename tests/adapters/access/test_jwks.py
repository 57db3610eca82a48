"""The keys of an issuer: read seldom, kept through its outages."""

import asyncio
import json
import ssl
from contextlib import AsyncExitStack

import pytest
import trustme
from adapters.access.issuers import Issuer
from adapters.web import Web, said

from pager_grpc.access.jwks import PAUSE_SECONDS, REFRESH_SECONDS, STALE_SECONDS, Jwks, JwksUnreadable, reader_of


class Published:
    """What an issuer publishes; ``reads`` counts; None cannot be read."""

    def __init__(self, text) -> None:
        self.text, self.reads, self.now = text, 0, 0.0

    async def __call__(self):
        self.reads += 1
        if self.text is None:
            raise JwksUnreadable("away")
        return self.text

    def seconds(self):
        return self.now


@pytest.fixture
def published():
    return Published(Issuer().jwks())


@pytest.fixture
def keys(published):
    return Jwks(published, published.seconds)


def only_es256():
    return json.dumps({"keys": [key for key in json.loads(Issuer().jwks())["keys"] if key["kid"] == "ES256"]})


async def test_keys_are_read_when_the_first_token_comes_and_kept(published, keys):
    for _ in range(10):
        assert (await keys.key("EdDSA")).key_id == "EdDSA"
    assert published.reads == 1


async def test_they_are_read_again_after_ten_minutes(published, keys):
    await keys.key("EdDSA")
    published.text = only_es256()
    published.now += REFRESH_SECONDS
    assert await keys.key("EdDSA") is None


async def test_a_new_key_of_the_issuer_is_found_at_once(published, keys):
    published.text = only_es256()
    assert await keys.key("EdDSA") is None
    published.text = Issuer().jwks()
    published.now += PAUSE_SECONDS
    assert await keys.key("EdDSA") is not None


async def test_tokens_with_names_made_up_cause_one_read_in_thirty_seconds(published, keys):
    for n in range(100):
        assert await keys.key(f"made up {n}") is None
    assert published.reads == 1
    published.now += PAUSE_SECONDS
    await asyncio.gather(*(keys.key(f"made up {n}") for n in range(100)))
    assert published.reads == 2


async def test_an_issuer_that_is_away_is_believed_for_a_day(published, keys):
    await keys.key("ES256")
    published.text = None
    published.now += STALE_SECONDS
    assert await keys.key("ES256") is not None
    published.now += 1
    assert await keys.key("ES256") is None
    published.text = Issuer().jwks()
    published.now += PAUSE_SECONDS
    assert await keys.key("ES256") is not None


NESTED = '{"keys":' + "[" * 100_000


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"keys": []}', "{}", '{"keys": 1}', '{"keys": [1]}', '{"keys": [{"kty": "oct", "k": "x"}]}', NESTED],
)
async def test_what_makes_no_sense_leaves_what_was_read_before(published, keys, text):
    await keys.key("EdDSA")
    published.text = text
    published.now += REFRESH_SECONDS
    assert await keys.key("EdDSA") is not None


async def test_a_secret_among_the_keys_is_no_key_to_believe():
    shared = {"kty": "oct", "k": "c2VjcmV0", "kid": "shared", "alg": "HS256"}
    text = json.dumps({"keys": [shared, *json.loads(Issuer().jwks())["keys"]]})
    keys = Jwks(Published(text))
    assert await keys.key("shared") is None
    assert await keys.key("EdDSA") is not None


async def test_keys_may_stand_in_a_file(tmp_path):
    file = tmp_path / "jwks.json"
    with pytest.raises(JwksUnreadable):
        await reader_of(str(file))()
    file.write_text(Issuer().jwks())
    assert await Jwks(reader_of(str(file))).key("EdDSA") is not None


@pytest.fixture
async def published_at():
    """Serves an answer over https on loopback, and yields how to read it."""
    async with AsyncExitStack() as stack:

        async def published(answer):
            authority, trusting = trustme.CA(), ssl.create_default_context()
            serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            authority.configure_trust(trusting)
            authority.issue_cert("localhost").configure_cert(serving)
            web = await stack.enter_async_context(Web(answer).running(serving))
            return reader_of(f"https://localhost:{web.port}/jwks", tls=trusting)

        yield published


async def test_keys_may_stand_at_an_address(published_at):
    read = await published_at(said(Issuer().jwks().encode()))
    assert await Jwks(read).key("EdDSA") is not None


@pytest.mark.parametrize(
    "answer",
    [
        said(b"", status="500 Oops"),
        said(b"", "Location: https://elsewhere.example.com", status="302 Found"),
        said(b"x" * 300_000),
        said(b"\xff\xff"),
    ],
    ids=["error", "redirect", "too long", "no text"],
)
async def test_an_answer_over_the_web_that_is_no_key_set_is_not_read(published_at, answer):
    with pytest.raises(JwksUnreadable):
        await (await published_at(answer))()


async def test_an_address_that_is_not_public_is_not_read_unless_the_operator_allows_it():
    with pytest.raises(JwksUnreadable, match="PAGERD_OUTBOUND_ALLOW"):
        await reader_of("https://169.254.169.254/jwks")()
