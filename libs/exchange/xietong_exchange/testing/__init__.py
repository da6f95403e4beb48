"""Stand-ins for the adapters, shipped and supported: for tests of the engine and of what is built on it."""
