"""The key service as a client sees it: what a keyring needs of it, and a small client that starts at once."""
