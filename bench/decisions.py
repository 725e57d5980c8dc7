"""What a decision costs, in microseconds, and who-can over many principals, in seconds; also in bench/decisions.json.

    typical   a key policy of three statements and two identity policies           at most 8 µs
    hard      20 policies of 6 KB with conditions and variables, a session policy   at most 60 µs
    searched  the same, where every statement about the action is about the key, too, and its conditions decide
    who-can   decrypt, over 10 000 principals with 1 000 policies                  at most 3 s

Time of this process alone, and the least of several rounds: other load on the machine only ever adds.
"""

import json
import time
import timeit
from pathlib import Path
from typing import Any, Final

from keystead.access.decision import Combine, Standing, decide
from keystead.access.policy import Kind, Policy, compile, parse  # noqa: A004  # the rules' own verb
from keystead.access.request import Principal, PrincipalKind, Request
from keystead.explain.contexts import Manner
from keystead.explain.holders import Entity, Inline, Rows
from keystead.explain.subjects import Keyed, of_key
from keystead.explain.whocan import answer
from keystead.keyholder.promise import Material
from keystead.keys.key import Key, Manager, Rotation, State, Version

HERE: Final = Path(__file__).parent
A: Final = "111122223333"
KEY_ID: Final = "1234abcd-12ab-34cd-56ef-1234567890ab"
KEY: Final = f"arn:aws:kms:us-east-1:{A}:key/{KEY_ID}"
ROOT: Final = {"AWS": f"arn:aws:iam::{A}:root"}
ZOE: Final = Principal(PrincipalKind.USER, f"arn:aws:iam::{A}:user/zoe", A, "AIDAZOE", f"arn:aws:iam::{A}:user/zoe")
ROUNDS: Final = 7


def text(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def policy(kind: Kind, *statements: Any) -> Policy:
    return compile(parse(text(*statements), kind))


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def key_policy() -> Policy:
    return policy(
        Kind.KEY,
        allow("kms:*", Principal=ROOT),
        allow(["kms:Create*", "kms:Describe*", "kms:Put*"], Principal={"AWS": f"arn:aws:sts::{A}:assumed-role/a/b"}),
        allow("kms:Decrypt", Principal="*", Effect="Deny", Condition={"Null": {"kms:ViaService": "true"}}),
    )


def microseconds(request: Request, standing: Standing, of_key_: Policy) -> float:
    def once() -> bool:
        found = decide(request, standing, combine=Combine.KEY, resource_account=A, resource_policy=of_key_)
        return found.allowed

    assert once()
    times = 5_000
    return min(timeit.repeat(once, number=times, repeat=ROUNDS, timer=time.process_time)) / times * 1e6


def typical() -> float:
    standing = Standing(
        (policy(Kind.IDENTITY, allow(["kms:Decrypt", "kms:Encrypt"], KEY)), policy(Kind.IDENTITY, allow("s3:*")))
    )
    return microseconds(
        Request(ZOE, "kms:Decrypt", KEY, {"kms:viaservice": ("secretsmanager",)}), standing, key_policy()
    )


def hard(*, searched: bool = False) -> float:
    """Each policy has as many statements as 6 144 characters take; every fifth is about the action."""
    team = KEY_ID.partition("-")[0] if searched else "blue"
    context = {
        "kms:viaservice": ("secretsmanager",), "aws:principaltag/team": (team,), "aws:sourceip": ("10.1.2.3",),
        "aws:requestedregion": ("us-east-1",),
    }  # fmt: skip

    def statement(number: int) -> dict[str, Any]:
        about = ["kms:Decrypt", "kms:ReEncrypt*"] if number % 5 == 0 else [f"s3:Get*{number}", "dynamodb:*Item"]
        keys = "*" if searched else f"{number}*"
        other = {"StringNotEquals": {"aws:PrincipalTag/team": team}} if searched else {}
        return allow(
            about,
            f"arn:aws:kms:*:{A}:key/${{aws:PrincipalTag/team}}-{keys}",
            Condition={
                "StringEquals": {"aws:RequestedRegion": ["us-east-1", "eu-west-1"]},
                "IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "192.0.2.0/24"]},
                **other,
            },
        )

    def large(first: int) -> Policy:
        listed: list[Any] = []
        while len(text(*listed, statement(first + len(listed)))) < 6_144:
            listed.append(statement(first + len(listed)))
        return policy(Kind.IDENTITY, *listed)

    own = (*(large(100 * number) for number in range(19)), policy(Kind.IDENTITY, allow("kms:Decrypt", KEY)))
    session = (policy(Kind.SESSION, allow("kms:*")),)
    return microseconds(Request(ZOE, "kms:Decrypt", KEY, context), Standing(own, session=session), key_policy())


def who_can() -> float:
    tags: dict[str, dict[str, str]] = {}
    rows = Rows(A, tags=tags)
    for number in range(1_000):
        arn = f"arn:aws:iam::{A}:policy/p{number}"
        resource = KEY if number % 10 == 0 else f"arn:aws:kms:us-east-1:{A}:key/{number}"
        tag = {"StringEquals": {"aws:PrincipalTag/team": f"t{number % 7}"}}
        rows.texts[arn] = text(allow(["kms:Decrypt", "kms:Encrypt"], resource, Condition=tag), allow("s3:*"))
    trust = text({"Effect": "Allow", "Principal": ROOT, "Action": "sts:AssumeRole"})
    for number in range(10_000):
        kind = "role" if number % 2 else "user"
        made = Entity(
            f"ID{number}", kind, f"arn:aws:iam::{A}:{kind}/n{number}", None, trust if number % 2 else None, {}
        )
        rows.entities.append(made)
        tags[made.id] = {"team": f"t{number % 7}"}
        rows.attached += [(made.id, f"arn:aws:iam::{A}:policy/p{(number * step) % 1_000}") for step in (1, 3, 7)]
    rows.inline.append(Inline("ID0", "assume", text(allow("sts:AssumeRole"))))
    material = Material(KEY_ID, "0" * 64, "SYMMETRIC_DEFAULT", b"")
    delegating = compile(parse(text(allow("kms:*", Principal=ROOT)), Kind.KEY))
    key = Key(
        account=A, region="us-east-1", id=KEY_ID, spec="SYMMETRIC_DEFAULT", usage="ENCRYPT_DECRYPT", origin="AWS_KMS",
        manager=Manager.CUSTOMER, state=State.ENABLED, description="", created_at=0.0,
        versions=(Version(material, 0.0, None),), rotation=Rotation(), policy=delegating, policy_text="", policy_ids={},
    )  # fmt: skip
    began = time.process_time()
    found = answer(rows, of_key(Keyed(key, delegating, (), {}), Manner(0.0, anyhow=True)), 0.0, {})
    took = time.process_time() - began
    assert found
    return took


def main() -> None:
    found = {
        "typical_us": typical(),
        "hard_us": hard(),
        "searched_us": hard(searched=True),
        "who_can_s": min(who_can() for _ in range(3)),
    }
    (HERE / "decisions.json").write_text(json.dumps(found, indent=2) + "\n")
    for name, value in found.items():
        print(f"{name:12} {value:8.2f}")


if __name__ == "__main__":
    main()
