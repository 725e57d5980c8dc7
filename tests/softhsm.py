"""SoftHSM2 for tests: one configuration and folder of this run, and a token of its own for whoever asks.

The library is Debian's package `softhsm2`. A library is initialised once in a process, with the configuration that its
environment names then: so there is one for all tests, and a token is lost by moving its folder away.
"""

import functools
import itertools
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from components import missing, package

LIBRARIES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)
NUMBERS = itertools.count()
CLUSTER_ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"


@functools.cache
def library() -> str | None:
    """The library's path; installed first where root may."""
    if not installed() and os.geteuid() == 0 and shutil.which("apt-get"):
        script = Path(__file__).parents[1] / "scripts" / "debian.sh"
        subprocess.run(["sh", str(script), "softhsm2"], check=False, stdout=subprocess.DEVNULL)
    return installed()


def installed() -> str | None:
    return next((path for path in LIBRARIES if Path(path).exists() and shutil.which("softhsm2-util")), None)


@dataclass
class SoftHsm:
    """One token, and an HSM file that names it.

    name  in the HSM file, as CloudHSM's cluster ids are
    """

    folder: Path
    tokens: Path
    library: str
    name: str
    label: str
    pin: str

    @property
    def file(self) -> Path:
        return self.folder / "hsm.toml"

    @property
    def pin_file(self) -> Path:
        return self.folder / "pin"

    def initialise(self) -> None:
        options = ["--label", self.label, "--pin", self.pin, "--so-pin", "administrator"]
        before = set(self.tokens.iterdir())
        subprocess.run(["softhsm2-util", "--init-token", "--free", *options], check=True, stdout=subprocess.DEVNULL)
        (self._there,) = set(self.tokens.iterdir()) - before
        self._away = self.folder / "away"

    def take_away(self) -> None:
        self._there.rename(self._away)

    def bring_back(self) -> None:
        self._away.rename(self._there)

    def write(self, **more: object) -> Path:
        """The HSM file."""
        self.pin_file.write_text(self.pin + "\n")
        self.pin_file.chmod(0o600)
        facts = {"module": self.library, "token": self.label, "pin_file": str(self.pin_file), "processes": 1, **more}
        lines = [f"{name} = {value if isinstance(value, int) else repr(str(value))}" for name, value in facts.items()]
        self.file.write_text("\n".join((f"[{self.name}]", *lines)) + "\n")
        return self.file


@pytest.fixture(scope="session")
def softhsm_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The library, and the folder of tokens."""
    found = library()
    if found is None:
        missing("softhsm", "no SoftHSM2: apt-get install softhsm2")
    package("pkcs11")
    home = tmp_path_factory.mktemp("softhsm")
    (home / "tokens").mkdir()
    (home / "softhsm2.conf").write_text(f"directories.tokendir = {home / 'tokens'}\nlog.level = ERROR\n")
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(home / "softhsm2.conf")
    yield found, home / "tokens"
    if before is None:
        del os.environ["SOFTHSM2_CONF"]
    else:
        os.environ["SOFTHSM2_CONF"] = before


def new_token(home: tuple[str, Path], folder: Path) -> SoftHsm:
    name = "cluster-" + "".join(secrets.choice(CLUSTER_ALPHABET) for _ in range(11))
    made = SoftHsm(folder, home[1], home[0], name, f"token-{next(NUMBERS)}", f"pin-{secrets.token_hex(4)}")
    made.initialise()
    made.write()
    return made


@pytest.fixture
def softhsm(softhsm_home: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> SoftHsm:
    """A token of this test's own."""
    return new_token(softhsm_home, tmp_path_factory.mktemp("hsm"))


@pytest.fixture(scope="session")
def shared_softhsm(softhsm_home: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> SoftHsm:
    """A token for all tests that do not harm it."""
    return new_token(softhsm_home, tmp_path_factory.mktemp("hsm"))
