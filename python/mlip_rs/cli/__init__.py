"""The command line `mlip-rs`: parse, call one library function, print."""

from mlip_rs.cli.app import main

__all__ = ["main"]
