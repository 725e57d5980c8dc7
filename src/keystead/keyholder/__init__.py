"""The hazardous room: the only place where key material exists in the clear."""
