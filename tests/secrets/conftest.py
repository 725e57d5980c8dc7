"""Secrets in the world of tests/world.py."""

from world import world  # noqa: F401  # a fixture
