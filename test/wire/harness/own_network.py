"""A network of one's own: for programs whose port is fixed, several at once on one machine."""

import ctypes
import fcntl
import os
import socket
import struct
import threading
from typing import Callable

CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


class Unavailable(Exception):
    """The kernel does not let this user make a network."""


def _bring_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh14x", b"lo", 0)
        _, flags = struct.unpack("16sh14x", fcntl.ioctl(sock, SIOCGIFFLAGS, request))
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def in_own_network(work: Callable[[], None]) -> None:
    """Runs `work` in a thread that sees only a fresh loopback device.

    Threads and processes that `work` starts see the same. Raises what `work` raises, or
    Unavailable where the kernel refuses."""
    failures: list[BaseException] = []

    def body() -> None:
        try:
            if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
                raise Unavailable(os.strerror(ctypes.get_errno()))
            _bring_loopback_up()
            work()
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
