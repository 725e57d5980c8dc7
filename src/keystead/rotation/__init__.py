"""Secrets that change on the systems that know them: schedules, durable runs, executors, engines, and the overlap."""
