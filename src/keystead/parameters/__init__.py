"""Parameters: names and values that applications are configured with, some of them sealed, all of them with their history."""
