"""Runs the command line as `python -m xietong_client`."""

from xietong_client.cli import main

main()
