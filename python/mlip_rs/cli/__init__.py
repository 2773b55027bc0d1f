"""The command line `mlip-rs`: each verb parses its options, calls one function of the library, and prints."""

from mlip_rs.cli.app import main

__all__ = ["main"]
