"""What a worker may still reach and take, held to by the kernel: Landlock, where it is there.

The lexer refuses queries that reach out; this is the second wall, for a query that it did not
understand. Without Landlock (Linux before 5.13) a worker has the first one only.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
from typing import Final

_LIBC: Final = ctypes.CDLL(None, use_errno=True)

# System calls and constants of linux/landlock.h, the same on every architecture.
_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_VERSION: Final = 1
_PATH_BENEATH: Final = 1
_NET_PORT: Final = 2
_NO_NEW_PRIVS: Final = 38
_EXECUTE: Final = 1 << 0
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_CONNECT_TCP: Final = 1 << 1
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_PR_SET_PDEATHSIG: Final = 1
_PAGE: Final = resource.getpagesize()

#: All rights over files and over TCP that each version of the interface knows.
_FILES: Final = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_TCP: Final = (1 << 2) - 1


def version() -> int:
    """The version of Landlock that this kernel has, 0 where it has none."""
    return max(0, int(_LIBC.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)))


class Size:
    """The bytes of address space of this process, readable when no file can be opened."""

    def __init__(self) -> None:
        self._file = os.open("/proc/self/statm", os.O_RDONLY)

    def __call__(self) -> int:
        """So many, now."""
        return int(os.pread(self._file, 32, 0).split(b" ", 1)[0]) * _PAGE

    def close(self) -> None:
        """Ask no more."""
        os.close(self._file)


def end_with_the_parent() -> None:
    """Have this process killed where its parent ends."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def grow_by(budget: int, size: int) -> None:
    """Let this process of a size take so many bytes more, and leave no core behind."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (size + budget, size + budget))


def leave_the_network() -> None:
    """Enter a network namespace with nothing in it, if the system lets this user."""
    if _LIBC.unshare(_CLONE_NEWNET):
        _LIBC.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def confine(folder: str | None, port: int | None, *, writes: bool = False) -> bool:
    """Leave this thread only reading below a folder, and connecting to a port, for ever.

    None leaves it no file, or no port. With `writes` it may also change what is in the folder.
    Returns whether the kernel holds it to that.
    """
    known = version()
    if not known:
        return False
    files = _FILES[max(each for each in _FILES if each <= known)]
    tcp = _TCP if known >= 4 else 0
    attributes = struct.pack("=QQ", files, tcp)
    ruleset = _LIBC.syscall(
        _CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes) if tcp else 8), 0
    )
    if ruleset < 0:
        return False
    try:
        if folder is not None:
            parent = os.open(folder, os.O_PATH)
            allowed = files & ~_EXECUTE if writes else _READ_FILE | _READ_DIR
            rule = struct.pack("=Qi", allowed, parent)
            done = _LIBC.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
            os.close(parent)
            if done:
                return False
        if port and tcp:
            rule = struct.pack("=QQ", _CONNECT_TCP, port)
            if _LIBC.syscall(_ADD_RULE, ruleset, _NET_PORT, rule, 0):
                return False
        _LIBC.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
        return not _LIBC.syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
