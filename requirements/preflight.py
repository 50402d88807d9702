"""Say plainly what the machine lacks before anything is installed. Runs on any Python 3."""

import importlib.util
import sys

if sys.version_info < (3, 11):
    sys.exit(
        "Upshot needs Python 3.11 or newer; this is {}.{}. "
        "Name another one with: make PYTHON=python3.11".format(*sys.version_info[:2])
    )
for name, package in (("venv", "python3-venv"), ("ensurepip", "python3-venv")):
    if importlib.util.find_spec(name) is None:
        sys.exit(
            "This Python has no {} module. On Debian or Ubuntu: apt-get install {}".format(
                name, package
            )
        )
