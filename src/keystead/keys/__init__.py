"""Keys, aliases, grants and their one door: what callers may do with key material they never see."""
