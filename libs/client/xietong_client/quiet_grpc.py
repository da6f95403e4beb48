"""Keeps gRPC's own notes off the terminal: "Got goaway …" for every node that restarts, while we retry in silence.

gRPC reads the variable once, when it is imported, so this module is the first that the package imports. Whoever has
set the variable keeps what it says.
"""

import os

os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
