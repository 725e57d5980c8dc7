"""Custom key stores: keys whose material is in a hardware security module, or under an external key manager."""
