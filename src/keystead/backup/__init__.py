"""Backup and restore: everything an installation needs but what opens its seal, in one sealed file."""
