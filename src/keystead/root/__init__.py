"""Root rotation: new domain keys, new root keys, new seals, while nodes serve."""
