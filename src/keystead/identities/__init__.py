"""Who is calling: accounts, users, roles, access keys, sessions and their policies."""
