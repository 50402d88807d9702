"""The command line. One module per verb, loaded only when its verb is typed."""

from experiments_core.cli.door import main

__all__ = ["main"]
