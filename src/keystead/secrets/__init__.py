"""Secrets: values sealed under keys, their versions, and the labels that say which one counts."""
