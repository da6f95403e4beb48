"""Makes the case folders of the example from the texts beside this file.

Run `python -m generate` from `examples/`; see `examples/README.md`.
"""
