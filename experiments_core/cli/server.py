"""What ``upshot serve`` becomes: Streamlit's own command, with an end that is no failure.

Streamlit's command takes Ctrl-C for a mistake of the person (“Aborted!”, exit code 1). Here a
signal ends the process with code 0, after the server has let its work end and has closed the
file. Streamlit is started by name; nothing of it is imported.
"""

from __future__ import annotations

import runpy
import signal

STOPPED = 0


def main() -> None:
    """Run ``streamlit`` under the arguments of this process until a signal comes."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)


def _stop(_number: int, _frame: object) -> None:
    """End the process; the server calls this once more when everything is closed."""
    raise SystemExit(STOPPED)


if __name__ == "__main__":
    main()
