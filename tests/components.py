"""What tests need besides this project's own packages, and what happens where it is not there.

A skip that says why; with CI set a failure, since there everything is expected, unless KEYSTEAD_TEST_WITHOUT names the component
(several are separated by commas). What it names is skipped only where it is really missing.
"""

import importlib
import os
from types import ModuleType
from typing import NoReturn

import pytest

WITHOUT = frozenset(filter(None, os.environ.get("KEYSTEAD_TEST_WITHOUT", "").split(",")))


def missing(component: str, reason: str) -> NoReturn:
    if os.environ.get("CI") and component not in WITHOUT:
        pytest.fail(f"{reason} (a machine without it says so: KEYSTEAD_TEST_WITHOUT={component})")
    pytest.skip(reason)


def package(name: str) -> ModuleType:
    """For the head of a file whose every test needs it: collection skips the file, or fails."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        reason = f"the package {name} is not installed: pip install 'keystead[dev]'"
        if os.environ.get("CI") and name not in WITHOUT:
            raise
        pytest.skip(reason, allow_module_level=True)
