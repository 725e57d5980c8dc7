"""The same world as in tests/identities: real database, real keyholder, one process."""

import importlib.util
import sys
from pathlib import Path

beside = Path(__file__).parents[1] / "identities" / "conftest.py"
specification = importlib.util.spec_from_file_location("identities_world", beside)
assert specification is not None
assert specification.loader is not None
shared = sys.modules.setdefault("identities_world", importlib.util.module_from_spec(specification))
if not hasattr(shared, "World"):
    specification.loader.exec_module(shared)

world = shared.world
words = shared.words
