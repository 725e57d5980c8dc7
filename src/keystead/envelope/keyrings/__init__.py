"""Keyrings: each makes, wraps and unwraps data keys in its own way. A new kind is a new file."""
