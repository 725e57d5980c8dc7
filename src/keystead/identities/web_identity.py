"""Who a token of an OIDC issuer says that its bearer is: checked step by step, and believed only at the end.

1. the token is of bounded length                        6. its times are whole seconds, and now lies between them
2. header and claims, read without trust in them         7. it was made for a client that the provider lists
3. the provider whose URL is exactly `iss`
4. the issuer's keys                                     THE CALLER MUST STILL ask the role's trust policy
5. the signature, by a key that fits the algorithm

The token is a secret: it is in no error and no repr. PyJWT verifies the signature: it is small, and its low-level interface binds
a key to one algorithm; the rest is stricter here than there.
Source: OpenID Connect Core 1.0, 3.1.3.7; RFC 7519; RFC 8725; STS API reference, AssumeRoleWithWebIdentity.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import jwt
from jwt.api_jws import PyJWS

from keystead.identities.errors import (
    AudienceWrong,
    ProviderUnknown,
    SignatureWrong,
    TokenExpired,
    TokenInvalid,
)
from keystead.identities.issuers import Issuers, Key
from keystead.identities.store.providers import Provider

LENGTH: Final = 20_000
"""Characters (STS model)."""
SKEW: Final = 60
"""Seconds that an issuer's clock may be off (ours)."""
RSA_BITS: Final = 2048
"""RFC 7518, 3.3."""
ALGORITHMS: Final = {
    #  alg     key type, curve        source: STS API reference, WebIdentityToken
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
}
"""`none` and those with a shared secret are not among them: a public key must never be taken for a password."""
COMPUTED: Final = ("aud", "oaud", "sub")
TAGS: Final = "https://aws.amazon.com/tags"
SOURCE_IDENTITY: Final = "https://aws.amazon.com/source_identity"


@dataclass(frozen=True, slots=True)
class Unverified:
    """Steps 1 and 2. Nothing in it may be believed."""

    token: str = field(repr=False)
    algorithm: str
    key_id: str | None
    claims: Mapping[str, Any] = field(repr=False)

    @property
    def issuer(self) -> str:
        return str(self.claims["iss"])


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """A token that was verified.

    audience    the client it was made for
    keys        condition keys `ISSUER:claim`, folded
    tags, transitive, source_identity   for the session, as the issuer asks for them
    """

    provider: Provider
    subject: str
    audience: str
    keys: Mapping[str, tuple[str, ...]]
    tags: tuple[tuple[str, str], ...]
    transitive: tuple[str, ...]
    source_identity: str | None


def read(token: str) -> Unverified:
    """Steps 1 and 2. Raises TokenInvalid."""
    if len(token) > LENGTH or token.count(".") != 2:  # 1
        raise TokenInvalid
    header, claims = (part(text) for text in token.split(".")[:2])  # 2
    algorithm, key_id = header.get("alg"), header.get("kid")
    if algorithm not in ALGORITHMS or "crit" in header or "b64" in header:
        raise TokenInvalid
    if not isinstance(key_id, str | None) or not isinstance(claims.get("iss"), str):
        raise TokenInvalid
    return Unverified(token, algorithm, key_id, claims)


def part(text: str) -> dict[str, Any]:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        found = json.loads(raw, object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, binascii.Error, RecursionError):
        raise TokenInvalid from None
    if not isinstance(found, dict):
        raise TokenInvalid
    return found


def unique(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """A claim that is there twice is read differently by two readers."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("duplicate member")
    return found


def refuse(_: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


async def verify(unverified: Unverified, provider: Provider | None, issuers: Issuers, now: float) -> WebIdentity:
    """Steps 3 to 7; `provider` is the one of the role's account whose URL is `unverified.issuer`, if there is one.

    Raises ProviderUnknown, IssuerUnreachable, KeysNotFound, SignatureWrong, TokenInvalid, TokenExpired, AudienceWrong.
    """
    if provider is None or provider.url != unverified.issuer:  # 3
        raise ProviderUnknown(unverified.issuer)
    keys = await issuers.keys(provider.url, fitting(unverified))  # 4
    if not any(signed_by(unverified, key) for key in keys):  # 5
        raise SignatureWrong
    claims = unverified.claims
    check_times(claims, now)  # 6
    audience = check_audience(claims, provider.client_ids)  # 7
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise TokenInvalid
    return made(claims, provider, subject, audience)


def fitting(unverified: Unverified) -> Callable[[Key], bool]:
    """Keys that may have signed it. Without a key id every key of the right kind is tried, as RFC 7515, 6 has it."""
    type_, curve = ALGORITHMS[unverified.algorithm]

    def fits(key: Key) -> bool:
        if key.get("kty") != type_ or (curve is not None and key.get("crv") != curve):
            return False
        if key.get("use", "sig") != "sig" or key.get("alg", unverified.algorithm) != unverified.algorithm:
            return False
        return unverified.key_id is None or key.get("kid") == unverified.key_id

    return fits


def signed_by(unverified: Unverified, key: Key) -> bool:
    """Only what the verifier was given is compared: a key inside the token's header is nobody's."""
    try:
        known = jwt.PyJWK(dict(key), algorithm=unverified.algorithm)
        if getattr(known.key, "key_size", 0) < RSA_BITS and key["kty"] == "RSA":
            return False
        PyJWS(algorithms=[unverified.algorithm]).decode_complete(
            unverified.token, known, algorithms=[unverified.algorithm]
        )
    except (jwt.PyJWTError, ValueError, TypeError):
        return False
    return True


def check_times(claims: Mapping[str, Any], now: float) -> None:
    """Step 6."""
    times = {name: claims[name] for name in ("exp", "iat", "nbf") if name in claims}
    if not {"exp", "iat"} <= times.keys() or any(type(value) is not int for value in times.values()):
        raise TokenInvalid
    if now >= times["exp"] + SKEW:
        raise TokenExpired(int(now), times["exp"])
    if times["iat"] > now + SKEW or times.get("nbf", 0) > now + SKEW:
        raise TokenInvalid


def check_audience(claims: Mapping[str, Any], client_ids: Sequence[str]) -> str:
    """Step 7. The party it was issued to decides, where it is named; else all for whom it was made must be known."""
    given = claims.get("aud")
    audiences = [given] if isinstance(given, str) else given
    if not isinstance(audiences, list) or not audiences or not all(isinstance(one, str) for one in audiences):
        raise TokenInvalid
    party = claims.get("azp")
    if party is not None:
        if not isinstance(party, str):
            raise TokenInvalid
        audiences = [party]
    if not all(one in client_ids for one in audiences):
        raise AudienceWrong
    return str(audiences[0])


def made(claims: Mapping[str, Any], provider: Provider, subject: str, audience: str) -> WebIdentity:
    tags, transitive = session_tags(claims.get(TAGS, {}))
    source = claims.get(SOURCE_IDENTITY)
    if not isinstance(source, str | None):
        raise TokenInvalid
    keys = condition_keys(claims, provider.issuer.lower(), subject, audience)
    return WebIdentity(provider, subject, audience, keys, tags, transitive, source)


def condition_keys(claims: Mapping[str, Any], issuer: str, subject: str, audience: str) -> dict[str, tuple[str, ...]]:
    """Every claim that is a text, a number or a truth, and `amr`; `oaud` is `aud` where `azp` stands in its place."""
    keys: dict[str, tuple[str, ...]] = {}
    for name, value in claims.items():
        texts = texts_of(value)
        if name.lower() in COMPUTED or not texts:
            continue
        if keys.setdefault(f"{issuer}:{name.lower()}", texts) != texts:
            raise TokenInvalid  # two claims that policies could not tell apart
    keys |= {f"{issuer}:aud": (audience,), f"{issuer}:sub": (subject,)}
    if "azp" in claims:
        keys[f"{issuer}:oaud"] = texts_of(claims["aud"])
    return keys


def texts_of(value: Any) -> tuple[str, ...]:
    """As conditions compare them; nothing for what is nested."""
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, str | int | float):
        return (str(value),)
    return tuple(value) if is_texts(value) else ()


def session_tags(claim: Any) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """The claim of session tags: each tag's value in a list of one (IAM user guide, passing session tags in STS)."""
    if not isinstance(claim, dict):
        raise TokenInvalid
    given, passed_on = claim.get("principal_tags", {}), claim.get("transitive_tag_keys", [])
    if not isinstance(given, dict) or not is_texts(passed_on):
        raise TokenInvalid
    if not all(is_texts(values) and len(values) == 1 for values in given.values()):
        raise TokenInvalid
    return tuple((key, values[0]) for key, values in given.items()), tuple(passed_on)


def is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
