"""``python -m experiments_core`` is ``upshot``."""

import sys

from experiments_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
