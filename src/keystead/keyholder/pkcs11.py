"""Hardware security modules through their vendors' PKCS#11 libraries: the only home of python-pkcs11.

The binding initialises a library without asking it to lock (C_Initialize(NULL)): two threads in one library at a time
corrupt it. So every call here is made under one lock, and a node has processes, not threads, for calls side by side.

What is lost may come back: a call that fails is made once more with the library initialised anew, and after that at
most once in RETRY_SECONDS. A PIN that was refused is not tried again until its file holds another: each attempt may be
one of the few that the token allows.
"""

import hmac
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11 import exceptions as errors

from keystead.keyholder import hsm
from keystead.keyholder.errors import HsmKeyGone, HsmLost, KeyholderError, RequestRefused, SealNotOpened
from keystead.keyholder.hsm_file import Entry
from keystead.keyholder.secret_files import read

RETRY_SECONDS: Final = 1.0
KEY_BITS: Final = 256
RANDOM_LIMIT: Final = 1024
KNOWN_LIMIT: Final = 4096
"""Keys whose handles are remembered."""

TEMPLATE: Final = {
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.MODIFIABLE: False,
    Attribute.SIGN: True,
    Attribute.VERIFY: False,
    Attribute.ENCRYPT: False,
    Attribute.DECRYPT: False,
    Attribute.WRAP: False,
    Attribute.UNWRAP: False,
    Attribute.DERIVE: False,
}
GUARDED: Final = (
    (Attribute.EXTRACTABLE, False),
    (Attribute.NEVER_EXTRACTABLE, True),
    (Attribute.SENSITIVE, True),
    (Attribute.ALWAYS_SENSITIVE, True),
    (Attribute.LOCAL, True),
    (Attribute.MODIFIABLE, False),
)
"""What a new key must say of itself (PKCS#11 3.1, section 4.7): born in the token, and never to be seen outside."""

TROUBLE: Final[Mapping[type[Exception], bytes]] = {
    errors.PinIncorrect: hsm.INVALID_CREDENTIALS,
    errors.PinInvalid: hsm.INVALID_CREDENTIALS,
    errors.PinLenRange: hsm.INVALID_CREDENTIALS,
    errors.PinExpired: hsm.INVALID_CREDENTIALS,
    errors.PinLocked: hsm.USER_LOCKED_OUT,
    errors.UserPinNotInitialized: hsm.USER_NOT_FOUND,
    errors.NoSuchToken: hsm.NO_TOKEN,
    errors.TokenNotPresent: hsm.NO_TOKEN,
    errors.DeviceRemoved: hsm.NO_TOKEN,
    errors.DeviceError: hsm.NETWORK_ERRORS,
    SealNotOpened: hsm.INVALID_CREDENTIALS,  # the PIN file cannot be read
}
"""ConnectionErrorCode by what opening the token raised; anything else is INTERNAL_ERROR."""

_library_lock: Final = threading.RLock()


class Refused(Exception):
    """The PIN was refused before, and its file still holds the same."""


class Token:
    """One token, opened when it is first needed. Any thread may ask."""

    def __init__(self, name: str, entry: Entry, say: Callable[[str], None] = lambda _: None) -> None:
        self._name = name
        self._entry = entry
        self._say = say
        self._library: Any = None
        self._session: Any = None
        self._known: dict[bytes, Any] = {}
        self._retry_at = 0.0
        self._trouble = b""
        self._refused_pin = b""

    def __repr__(self) -> str:
        return f"Token({self._name!r})"

    def ask(self, asked: hsm.Asked) -> bytes:
        """Raises HsmLost, HsmKeyGone, RequestRefused."""
        with _library_lock:
            if isinstance(asked, hsm.Connect):
                return self._connect(asked.password)
            try:
                return self._with_session(asked)
            except HsmKeyGone:
                if not self._open_again():
                    self._check_presence()
                    raise
            except errors.PKCS11Error:
                if not self._open_again():
                    raise HsmLost from None
            try:
                return self._with_session(asked)
            except errors.PKCS11Error as error:
                self._note(error)
                raise HsmLost from None

    def close(self) -> None:
        """Let go of the library. Whatever else in this process uses the same one opens its token again."""
        with _library_lock:
            self._forget()
            if self._library is not None:
                with suppress(errors.PKCS11Error):
                    self._library.finalize()

    def _with_session(self, asked: hsm.Asked) -> bytes:
        if self._session is None and not self._open_again():
            raise HsmLost
        return ANSWERS[type(asked)](self, asked)

    def _check_presence(self) -> None:
        """A library may find no key because it finds no token. Raises HsmLost."""
        try:
            self._found()
        except errors.PKCS11Error:
            self._forget()
            raise HsmLost from None

    def _connect(self, password: bytes) -> bytes:
        """The password is compared with the PIN here, so that a wrong one costs none of the token's attempts."""
        try:
            self.ask(hsm.Look(self._name))
        except KeyholderError:
            return self._trouble or hsm.INTERNAL_ERROR
        return b"" if hmac.compare_digest(password, self._pin()) else hsm.INVALID_CREDENTIALS

    # Opening

    def _open_again(self) -> bool:
        """Whether the token is open, with a library initialised just now."""
        now = time.monotonic()
        if now < self._retry_at:
            return False
        self._retry_at = now + RETRY_SECONDS
        self._forget()
        try:
            self._open()
        except Refused:
            return False
        except Exception as error:  # noqa: BLE001  # a vendor's library: whatever it raises, the token is lost
            self._note(error)
            return False
        if self._trouble:
            self._say("the token is back")
        self._trouble = b""
        return True

    def _open(self) -> None:
        pin = self._pin()
        if self._refused_pin and hmac.compare_digest(pin, self._refused_pin):
            raise Refused
        self._library = pkcs11.lib(self._entry.module)  # initialises it, or raises
        self._library.reinitialize()  # whoever did so before may have seen other tokens
        try:
            self._session = self._found().open(rw=True, user_pin=pin.decode())
        except (errors.PinIncorrect, errors.PinLocked, errors.PinInvalid, errors.PinLenRange):
            self._refused_pin = pin
            raise
        except errors.UserAlreadyLoggedIn:  # by another user of the same library in this process
            self._session = self._found().open(rw=True)
        self._refused_pin = b""

    def _found(self) -> Any:
        if self._entry.serial:
            return self._library.get_token(token_serial=self._entry.serial.encode())
        return self._library.get_token(token_label=self._entry.token)

    def _pin(self) -> bytes:
        """Raises SealNotOpened when the file is not there, or others may read it."""
        return read(Path(self._entry.pin_file)).rstrip(b"\r\n")

    def _forget(self) -> None:
        self._known.clear()
        self._session = None

    def _note(self, error: Exception) -> None:
        """For the operator: what kind of thing it was. Texts of libraries are not repeated, but our own are."""
        code = next((code for kind, code in TROUBLE.items() if isinstance(error, kind)), hsm.INTERNAL_ERROR)
        if code != self._trouble:
            text = f": {error}" if isinstance(error, SealNotOpened) else ""
            self._say(f"the token cannot be used: {code.decode()}, {type(error).__name__}{text}")
        self._trouble = code

    # Answering

    def _mac(self, asked: hsm.Mac) -> bytes:
        if not 1 <= len(asked.data) <= hsm.DATA_LIMIT:
            raise RequestRefused
        return bytes(self._key(asked.object).sign(asked.data, mechanism=Mechanism.SHA256_HMAC))

    def _make_key(self, asked: hsm.MakeKey) -> bytes:
        if len(asked.object) != hsm.OBJECT_LENGTH:
            raise RequestRefused
        made = self._find(asked.object)  # by an attempt that failed after all was done
        if made is None:
            made = self._session.generate_key(
                KeyType.GENERIC_SECRET,
                KEY_BITS,
                id=asked.object,
                label=asked.label,
                store=True,
                mechanism=Mechanism.GENERIC_SECRET_KEY_GEN,
                template=TEMPLATE,
            )
        if any(made[attribute] is not wanted for attribute, wanted in GUARDED):
            made.destroy()
            self._say("a new key was not what it must be, and was destroyed: see PKCS#11 in docs/key-stores.md")
            raise HsmLost
        self._known[asked.object] = made
        return b""

    def _destroy_key(self, asked: hsm.DestroyKey) -> bytes:
        found = self._find(asked.object)
        self._known.pop(asked.object, None)
        if found is not None:
            found.destroy()
        return b""

    def _random(self, asked: hsm.Random) -> bytes:
        if not 1 <= asked.length <= RANDOM_LIMIT:
            raise RequestRefused
        return bytes(self._session.generate_random(asked.length * 8))

    def _look(self, asked: hsm.Look) -> bytes:
        del asked
        self._found()
        return b""

    def _key(self, object_: bytes) -> Any:
        found = self._known.get(object_)
        if found is None:
            found = self._find(object_)
            if found is None:
                raise HsmKeyGone
            if len(self._known) >= KNOWN_LIMIT:
                self._known.clear()
            self._known[object_] = found
        return found

    def _find(self, object_: bytes) -> Any:
        wanted = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.ID: object_}
        found = list(self._session.get_objects(wanted))
        return found[0] if len(found) == 1 else None  # of two with one id, neither can be told to be right


ANSWERS: Final[dict[type[hsm.Asked], Callable[[Token, Any], bytes]]] = {
    hsm.Mac: Token._mac,  # noqa: SLF001  # the table of its own class
    hsm.MakeKey: Token._make_key,  # noqa: SLF001
    hsm.DestroyKey: Token._destroy_key,  # noqa: SLF001
    hsm.Random: Token._random,  # noqa: SLF001
    hsm.Look: Token._look,  # noqa: SLF001
}


class Tokens:
    """Every token of an HSM file, called from this process: for operators' commands, and for tests."""

    def __init__(self, entries: Mapping[str, Entry], say: Callable[[str], None] = lambda _: None) -> None:
        self.names = frozenset(entries)
        self._tokens = {name: Token(name, entry, say) for name, entry in entries.items()}

    def ask(self, asked: hsm.Asked) -> bytes:
        """Raises HsmLost, also for a name that the file does not have, HsmKeyGone, RequestRefused."""
        token = self._tokens.get(asked.hsm)
        if token is None:
            if isinstance(asked, hsm.Connect):
                return hsm.CLUSTER_NOT_FOUND
            raise HsmLost
        return token.ask(asked)

    def close(self) -> None:
        for token in self._tokens.values():
            token.close()
