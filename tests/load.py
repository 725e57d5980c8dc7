"""Clients that keep calling while something breaks, and remember what they were told: the other side of the promise.

What one client does: encrypts, opens what it encrypted before, makes keys and aliases, describes keys. An answer that it was given
is an entry here; an error that reached it through the SDK's retries is a failure, and one that it should not even have
tried again is a refusal too.
"""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ATTEMPTS = 14
"""Of boto3's standard mode, whose default is 3: pauses begin at 50 ms (botocore/retries/standard.py, 1.44), so that even ten
attempts at a port where nobody listens are over within 5 s once in 36 times; of fourteen, all within 10 s once in 30 000.
"""
STANDARD = Config(
    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    connect_timeout=5,
    read_timeout=15,
    max_pool_connections=1,
)


@dataclass
class Told:
    """What one client was told.

    blobs  (alias of the key, ciphertext, plaintext)
    texts  what a key's description may be, by its alias: the last that was acknowledged, and what was asked for since
    answers  request ids of results and of refusals; a failure of the server's promises nothing
    """

    aliases: list[str] = field(default_factory=list)
    blobs: list[tuple[str, bytes, bytes]] = field(default_factory=list)
    texts: dict[str, set[str]] = field(default_factory=dict)
    answers: set[str] = field(default_factory=set)
    retried: int = 0
    failures: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


class Load:
    """`with Load(connect, clients=4) as load:` calls until the block ends. `connect(config)` makes a KMS client."""

    def __init__(self, connect: Callable[[Config], Any], clients: int) -> None:
        self.told = [Told() for _ in range(clients)]
        self._stop = threading.Event()
        self._connect = connect
        self._connecting = threading.Lock()  # boto3's default session is not for several threads at once
        self._threads = [threading.Thread(target=self._run, args=(told,)) for told in self.told]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Returns when the last call has been answered."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    @property
    def answered(self) -> int:
        return sum(len(told.answers) for told in self.told)

    @property
    def retried(self) -> int:
        return sum(told.retried for told in self.told)

    @property
    def failures(self) -> list[str]:
        return [failure for told in self.told for failure in told.failures]

    @property
    def refused(self) -> list[str]:
        return [refusal for told in self.told for refusal in told.refused]

    @property
    def answers(self) -> set[str]:
        return set().union(*(told.answers for told in self.told))

    def _client(self, told: Told) -> Any:
        with self._connecting:
            kms = self._connect(STANDARD)
        listen(kms, told.answers)
        return kms

    def _run(self, told: Told) -> None:
        """After a fault that was absorbed, with a new client: the SDK's quota of retries (500 tokens, 5 for each) is made for
        one outage in a while, and not for one every two seconds.
        """
        kms = self._client(told)
        step = 0
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                retries = one_round(kms, told, step)
                told.retried += retries
                if retries:
                    kms = self._client(told)
            except (ClientError, BotoCoreError) as error:
                told.failures.append(f"step {step % 10}, after {time.monotonic() - began:.1f} s: {error}")
                if isinstance(error, ClientError) and error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                    told.refused.append(told.failures[-1])
                self._stop.wait(0.1)
                kms = self._client(told)
            step += 1


def listen(client: Any, answers: set[str]) -> None:
    """Note the id of every answer that is not a failure of the server's, also of those that the SDK keeps to itself."""

    def note(parsed_response: dict[str, Any] | None, **_: object) -> None:
        about = (parsed_response or {}).get("ResponseMetadata", {})
        if about.get("HTTPStatusCode", 500) < 500 and "RequestId" in about:
            answers.add(about["RequestId"])

    client.meta.events.register("response-received.kms", note)


def one_round(kms: Any, told: Told, step: int) -> int:
    """How often the SDK had to try again."""
    if step % 10 == 0:
        return make_key(kms, told)
    if step % 10 == 5:
        alias, text = told.aliases[-1], f"text {step}"
        told.texts.setdefault(alias, {""}).add(text)
        done = kms.update_key_description(KeyId=target(kms, alias), Description=text)
        told.texts[alias] = {text}
        return again(done)
    if step % 2:
        alias, plaintext = secrets.choice(told.aliases), secrets.token_bytes(16)
        done = kms.encrypt(KeyId=alias, Plaintext=plaintext)
        told.blobs.append((alias, done["CiphertextBlob"], plaintext))
        return again(done)
    alias, blob, plaintext = secrets.choice(told.blobs)
    done = kms.decrypt(KeyId=alias, CiphertextBlob=blob)
    assert done["Plaintext"] == plaintext
    return again(done)


def make_key(kms: Any, told: Told) -> int:
    made = kms.create_key()
    alias = f"alias/{secrets.token_hex(8)}"
    retries = again(made)
    try:
        retries += again(kms.create_alias(AliasName=alias, TargetKeyId=made["KeyMetadata"]["KeyId"]))
    except kms.exceptions.AlreadyExistsException as refused:
        if not again(refused.response):  # else the first attempt was carried out, and its answer lost
            raise
        retries += 1
    told.aliases.append(alias)
    return retries


def target(kms: Any, alias: str) -> str:
    return str(kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"])


def again(answer: dict[str, Any]) -> int:
    return int(answer["ResponseMetadata"]["RetryAttempts"])


def lost(kms: Any, load: Load) -> list[str]:
    """What was acknowledged and is not so."""
    return [missing for told in load.told for missing in lost_to(kms, told)]


def lost_to(kms: Any, told: Told) -> list[str]:
    found = []
    for alias in told.aliases:
        try:
            about = kms.describe_key(KeyId=alias)["KeyMetadata"]
        except ClientError as error:
            found.append(f"{alias}: {error}")
            continue
        if about["Description"] not in told.texts.get(alias, {""}):
            found.append(f"{alias}: its description")
    for alias, blob, plaintext in told.blobs:
        try:
            opened = kms.decrypt(KeyId=alias, CiphertextBlob=blob)["Plaintext"]
        except ClientError as error:
            found.append(f"a ciphertext under {alias}: {error}")
            continue
        if opened != plaintext:
            found.append(f"a ciphertext under {alias}: opens to something else")
    return found
