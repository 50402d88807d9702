"""Switch Nagle's algorithm off on the server's sockets.

Streamlit binds its socket itself, so asyncio never sets TCP_NODELAY, and every keep-alive API
request would wait about 40 ms. Accepted sockets inherit the option from the listening one.
"""

from __future__ import annotations

import gc
import socket


def disable_nagle() -> int:
    """Set TCP_NODELAY on each listening INET socket of this process; return how many."""
    found = _listening()
    for one in found:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return len(found)


def listens_beyond(loopback: tuple[str, ...]) -> str:
    """The first address this process listens on that others can reach; empty for none."""
    addresses = (str(one.getsockname()[0]) for one in _listening())
    return next((address for address in addresses if address not in loopback), "")


def _listening() -> list[socket.socket]:
    return [
        candidate
        for candidate in gc.get_objects()
        if type(candidate) is socket.socket
        and candidate.fileno() >= 0
        and candidate.family in {socket.AF_INET, socket.AF_INET6}
        and candidate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    ]
