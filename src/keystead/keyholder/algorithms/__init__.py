"""The algorithms of key material: one family per file, and one table of what each key spec is made of."""
