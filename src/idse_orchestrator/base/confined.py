"""Confines this process by Landlock, for good: what is not named can be neither read nor written any more.

Linux has it since 5.13; here 5.19 is asked for, before which no file could be renamed into another folder.
The same holds for all that it starts or forks. Several confinements add up: only what each allows is allowed.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import sys
from collections.abc import Iterable
from functools import cache

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_NO_NEW_PRIVILEGES = 38
_ASK_VERSION = 1
_PATH_BENEATH = 1
_FIRST = 2
"""The first version that lets files be moved between folders at all."""
_EXECUTE, _WRITE, _READ, _LIST = 1, 1 << 1, 1 << 2, 1 << 3
_ALL = (1 << 13) - 1  # of the first version: also to remove and to make entries of each kind
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_OF_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE
_NET = 0b11
"""To bind and to connect over TCP: what is confined needs neither."""
_SCOPED = 0b11
"""To reach abstract sockets and to signal processes outside."""


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def landlock_version() -> int:
    """Returns which version of Landlock this kernel has; 0 where there is none that can be used."""
    if not sys.platform.startswith("linux"):
        return 0
    try:
        found = _call(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))
    except OSError:  # it is not there, or switched off, or a container forbids to ask
        return 0
    return found if found >= _FIRST else 0


def confine(readable: Iterable[str], writable: Iterable[str]) -> bool:
    """Leaves `readable` (to be executed, too) and `writable`, and all below; what is missing is left out.

    Returns False where the kernel cannot do it. Raises OSError where it can and fails.
    """
    version = landlock_version()
    if not version:
        return False
    access = _ALL | _REFER | (_TRUNCATE if version >= 3 else 0)
    handled = _Ruleset(access, _NET, _SCOPED)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = _call(_CREATE, ctypes.byref(handled), ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for path in dict.fromkeys(readable):
            _allow(ruleset, path, _EXECUTE | _READ | _LIST)
        for path in dict.fromkeys(writable):
            _allow(ruleset, path, access & ~_EXECUTE)
        if _libc().prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "no_new_privs cannot be set")
        _call(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)
    return True


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            access &= _OF_FILES
        rule = _Beneath(access, descriptor)
        _call(_ADD, ctypes.c_int(ruleset), _PATH_BENEATH, ctypes.byref(rule), ctypes.c_uint32(0))
    finally:
        os.close(descriptor)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(number: int, *given: object) -> int:
    """Makes a system call: glibc has no names for these."""
    done = int(_libc().syscall(ctypes.c_long(number), *given))
    if done < 0:
        code = ctypes.get_errno() or errno.EINVAL
        raise OSError(code, os.strerror(code))
    return done
