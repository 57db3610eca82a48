"""Tokens of an issuer: good ones, and each kind of forgery."""

import base64
import json

import jwt
import pytest
from adapters.access.issuers import AUDIENCE, ISSUER, Issuer, claims
from adapters.access.rooms import Refused, a_closed_room
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pager_domain.errors import Unauthenticated
from pager_grpc.access.jwks import Jwks
from pager_grpc.access.tokens_jwt import JwtTokens
from pager_grpc.runtime.clock import SystemClock

READ = "/policy.v1.ScheduleService/ListSchedules"


@pytest.fixture(scope="module")
def issuer():
    return Issuer()


@pytest.fixture
def tokens(issuer):
    async def read():
        return issuer.jwks()

    return JwtTokens(ISSUER, AUDIENCE, Jwks(read), SystemClock())


@pytest.mark.parametrize("algorithm", ["EdDSA", "ES256"])
async def test_a_token_of_the_issuer_names_its_caller(issuer, tokens, algorithm):
    principal = await tokens.principal_of(issuer.signed(algorithm))
    assert (principal.name, principal.role, principal.key_id) == ("jwt:ana", "responder", "")


def unsigned(issuer):
    return jwt.encode(claims(), None, "none", {"kid": "EdDSA"})


def signed_with_the_public_key_as_a_secret(issuer):
    """The classic: HS256 with what everybody knows."""
    public = issuer.keys["ES256"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header, body = (_part(part) for part in ({"alg": "HS256", "kid": "ES256"}, claims()))
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(header + b"." + body, public)
    return b".".join((header, body, base64.urlsafe_b64encode(signature).rstrip(b"="))).decode()


def changed_after_it_was_signed(issuer):
    header, _, signature = issuer.signed().split(".")
    return f"{header}.{_part(claims(roles=['admin'])).decode()}.{signature}"


def signed_by_a_stranger_under_a_known_name(issuer):
    return Issuer().signed("ES256")


def of_a_key_that_the_issuer_has_not(issuer):
    return issuer.signed(kid="other")


def without_the_name_of_a_key(issuer):
    return jwt.encode(claims(), issuer.keys["EdDSA"], "EdDSA")


def under_the_key_of_another_algorithm(issuer):
    return issuer.signed("ES256", kid="EdDSA")


def with_another_algorithm(issuer):
    return jwt.encode(claims(), rsa.generate_private_key(65537, 2048), "RS256", {"kid": "ES256"})


def on_another_curve(issuer):
    return jwt.encode(claims(), ec.generate_private_key(ec.SECP384R1()), "ES384", {"kid": "ES256"})


FORGERIES = [
    unsigned,
    signed_with_the_public_key_as_a_secret,
    changed_after_it_was_signed,
    signed_by_a_stranger_under_a_known_name,
    of_a_key_that_the_issuer_has_not,
    without_the_name_of_a_key,
    under_the_key_of_another_algorithm,
    with_another_algorithm,
    on_another_curve,
    lambda issuer: issuer.signed(iss="https://evil.example.com"),
    lambda issuer: issuer.signed(aud="something-else"),
    lambda issuer: issuer.signed(iss=None),
    lambda issuer: issuer.signed(aud=None),
    lambda issuer: issuer.signed(exp=None),
    lambda issuer: issuer.signed(iat=None),
    lambda issuer: issuer.signed(sub=None),
    lambda issuer: issuer.signed(exp=claims()["iat"] - 60),
    lambda issuer: issuer.signed(exp=claims()["iat"] + 3600),
    lambda issuer: issuer.signed(roles=None),
    lambda issuer: issuer.signed(padding="x" * 9000),
    lambda issuer: issuer.signed()[:-4],
    lambda _: "not a token",
    lambda _: "..",
]


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
async def test_a_forged_token_is_refused(issuer, tokens, forge):
    with pytest.raises(Unauthenticated):
        await tokens.principal_of(forge(issuer))


async def test_a_token_comes_in_where_its_issuer_is_trusted_and_is_as_much_as_its_role(issuer, tmp_path):
    file = tmp_path / "jwks.json"
    file.write_text(issuer.jwks())
    trusted = {"PAGERD_JWT_ISSUER": ISSUER, "PAGERD_JWT_AUDIENCE": AUDIENCE, "PAGERD_JWKS": str(file)}
    async with a_closed_room("policy", tmp_path, **trusted) as policy:
        assert await policy.call(READ, {}, key=issuer.signed()) == {}
        own = await policy.call("/policy.v1.PeopleService/GetPerson", {"person_id": "ana"}, key=issuer.signed())
        assert own.reason == "PERSON_UNKNOWN"  # it may ask, and nobody made that person
        everybody = await policy.call("/policy.v1.PeopleService/ListPeople", {}, key=issuer.signed())
        assert isinstance(everybody, Refused)
        assert (everybody.code, everybody.metadata["principal"]) == ("PERMISSION_DENIED", "jwt:ana")
        forged = await policy.call(READ, {}, key=Issuer().signed())
        assert forged.metadata == {"fault": "token_refused"}


def _part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")
