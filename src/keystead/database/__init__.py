"""Durable state: the engine, transactions, the change feed and the migrations."""
