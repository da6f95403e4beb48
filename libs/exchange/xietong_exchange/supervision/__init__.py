"""Supervision: watches over the exchange and tells people. It stands over the flow, which knows nothing of it."""
