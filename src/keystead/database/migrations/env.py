"""Run by Alembic: every migration over the connection that keystead.database.migrate hands in; it commits."""

from alembic import context

from keystead.database.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
