"""What every ring of tests may need."""

import os
from pathlib import Path

import pytest

from . import parsing  # noqa: F401  # as soon as possible
from .components import missing
from .coroutines import pytest_pyfunc_call  # noqa: F401  # a hook
from .postgresql import postgresql, postgresql_server, postgresql_url  # noqa: F401  # fixtures
from .second_look import pytest_sessionfinish  # noqa: F401  # a hook
from .softhsm import shared_softhsm, softhsm, softhsm_home  # noqa: F401  # fixtures

os.environ.pop("COLUMNS", None)  # pytest-xdist's own; rich would keep it, whatever width a test asks for later


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The folder of outside test vectors; see docs/testing.md."""
    default = Path(__file__).resolve().parents[2] / "shared" / "vectors"
    folder = Path(os.environ.get("KEYSTEAD_VECTORS", default))
    if not folder.is_dir():
        missing("vectors", f"no test vectors at {folder}; set KEYSTEAD_VECTORS")
    return folder
