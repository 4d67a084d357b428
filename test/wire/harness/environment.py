"""What the environment says about this run: which binary, how slow, sanitized or not."""

import functools
import mmap
import os
import random
import socket
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]

# A sanitizer binary is several times slower; its run sets this to a factor such as 4.
SLOW = float(os.environ.get("OLLA_TEST_SLOW", "1"))

# Ports that the kernel never gives to an outgoing connection: a backend that stops listening and
# comes back must find its port free.
_PORTS = range(12000, 32000)


def binary() -> Path:
    """The olla binary under test: OLLA_BINARY, else the developer build."""
    path = Path(os.environ.get("OLLA_BINARY", REPOSITORY / "build/dev/olla"))
    return path if path.is_absolute() else Path.cwd() / path


@functools.cache
def sanitized() -> bool:
    """Whether the binary carries a sanitizer: its memory figures then say nothing."""
    with open(binary(), "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        return text.find(b"__asan_init") >= 0 or text.find(b"__tsan_init") >= 0


def scaled(seconds: float) -> float:
    """A waiting limit, stretched for a slow binary. For limits only, never for expected times."""
    return seconds * SLOW


def listen_below_ephemeral(port: int | None = None) -> socket.socket:
    """A listening socket on 127.0.0.1; without `port`, one that no outgoing connection can take."""
    pick = random.SystemRandom()
    for _ in range(200):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port or pick.choice(_PORTS)))
            listener.listen(128)
            return listener
        except OSError:
            listener.close()
    raise RuntimeError("no free port below the ephemeral range")
