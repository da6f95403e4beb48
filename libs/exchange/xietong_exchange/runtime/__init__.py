"""Puts a node together and runs it: settings, composition root, embedded database, command."""
