"""`python -m mlip_rs` is `mlip-rs`."""

from mlip_rs.cli import main

if __name__ == "__main__":
    main()
