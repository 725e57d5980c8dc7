"""The way out of .env files: what is in one, where each value goes, and how a program gets it back. A client of the service."""
