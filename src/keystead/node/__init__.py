"""A node: what it is not started with, which processes it is made of, and its life from start to stop."""
