"""The schema's history, one module per revision. A released revision is never changed; a new one continues it.

`upgrade` gets its operations as an argument: alembic's global `op` would mix up migrations that run side by side.
"""
