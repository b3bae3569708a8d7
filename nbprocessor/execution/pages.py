"""Memory that forks share until they write to it: how to write less, and to have it done beforehand.

A fork copies a page of memory at its first write to it, and each copy interrupts whoever writes: with the thousands of
pages that a Python program touches, that is more than most notebooks compute. What the system or this Python cannot
do is left out; nothing but time depends on it. Sources: PEP 683, madvise(2), proc_pid_pagemap(5).
"""

import ctypes
import gc
import os
import sys
import sysconfig
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, compress
from pathlib import Path
from types import CodeType
from typing import Any

import numpy

PAGE = os.sysconf("SC_PAGE_SIZE")
_LARGE = 1 << 21
_COLLAPSE, _POPULATE_WRITE = 25, 23
_IMMORTAL = 0xFFFFFFFF
"""The reference count that is not counted on."""
_MORTAL = 0x7FFFFFFF
_FEW = 10
"""References that an object has at most which nobody but one function knows."""
_ADDRESSES = 1 << 48
"""Bytes of memory a program may have on the usual 64-bit machines."""
_OWN = 1 << 56
"""The bit of a page's entry that says that no other process has it."""
_GAP = 3
"""Pages between two that will be written, which are copied with them: one run less is worth that."""

Run = tuple[int, int]
"""Address and length, in bytes, of pages in a row."""


def share() -> None:
    """Prepare what is in memory now for being shared by forks; it is never freed after that.

    It is not looked through for garbage any more, references to it are not counted any more (both would write to it),
    and its pages are of 2 MB: a fork copies, and its end frees, a list of all pages.
    """
    gc.collect()
    if _has_immortal_objects():
        _make_immortal(gc.get_objects())
    gc.freeze()
    for begin, end in _written():
        for place in range(-(-begin // _LARGE) * _LARGE, end - _LARGE + 1, _LARGE):
            _madvise(place, _LARGE, _COLLAPSE)  # Linux 6.1


def learn(rehearse: Callable[[], object]) -> Sequence[Run]:
    """Return the pages that a fork of this process writes to when it does something; none where nobody can tell.

    Args:
        rehearse: What is done, in a fork that ends with it.
    """
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            places = list(_written())
            rehearse()
            os.write(writes, array("Q", chain.from_iterable(_copied(places))).tobytes())
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads, "rb") as pipe:
        told = array("Q", pipe.read())
    os.waitpid(pid, 0)
    return list(zip(told[::2], told[1::2], strict=True))


def copy(runs: Sequence[Run]) -> None:
    """Copy the pages now that this fork will write to (Linux 5.14)."""
    for place, length in runs:
        _madvise(place, length, _POPULATE_WRITE)


def _has_immortal_objects() -> bool:
    """Tell whether this Python has them, and keeps the count where it is expected: one object is tried."""
    ordinary = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")
    if not ordinary or sys.version_info < (3, 12) or sys.maxsize < 1 << 32 or sys.byteorder != "little":
        return False
    tried = object()
    count = ctypes.c_uint32.from_address(id(tried))
    if not 0 < count.value < _FEW:
        return False
    count.value = _IMMORTAL
    before = sys.getrefcount(tried)
    more = [tried, tried]
    return sys.getrefcount(more[0]) == before


def _make_immortal(level: list[Any]) -> None:
    """Make objects immortal, and whatever they refer to.

    Python offers no function for what its PEP describes: the count is the first half word of every object.
    """
    first = PAGE  # nothing lies at address 0, and an array may not
    counts = numpy.ctypeslib.as_array((ctypes.c_uint32 * ((_ADDRESSES - first) // 4)).from_address(first))
    while level:
        places = (numpy.fromiter(map(id, level), numpy.int64, len(level)) - first) // 4
        new = list(compress(level, counts[places] <= _MORTAL))
        counts[places] = _IMMORTAL
        level = gc.get_referents(*new)
        for code in (found for found in new if type(found) is CodeType):
            level += _parts(code)


def _parts(code: CodeType) -> Sequence[Any]:
    """Return what code refers to, which the collector is not told."""
    names = code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars, code.co_name, code.co_qualname
    return *names, code.co_consts, code.co_filename, code.co_linetable, code.co_exceptiontable


def _written() -> Iterator[Run]:
    """Yield begin and end of what this process has in memory for itself and may write."""
    with suppress(OSError):
        for line in Path("/proc/self/maps").read_text().splitlines():
            place, rights, *_ = line.split()
            if rights == "rw-p":
                begin, end = (int(address, 16) for address in place.split("-"))
                yield begin, end


def _copied(places: Sequence[Run]) -> Iterator[Run]:
    """Yield the runs of pages in some places that this fork has for itself."""
    with Path("/proc/self/pagemap").open("rb", buffering=0) as pagemap:
        for begin, end in places:
            pagemap.seek(begin // PAGE * 8)
            entries = array("Q", pagemap.read((end - begin) // PAGE * 8))
            own = [number for number, entry in enumerate(entries) if entry & _OWN]
            for first, last in _in_a_row(own):
                yield begin + first * PAGE, (last - first + 1) * PAGE


def _in_a_row(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield first and last of the numbers that stand close together."""
    breaks = [index for index in range(1, len(numbers)) if numbers[index] - numbers[index - 1] > _GAP]
    for begin, end in zip([0, *breaks], [*breaks, len(numbers)], strict=True):
        if begin < end:
            yield numbers[begin], numbers[end - 1]


def _madvise(place: int, length: int, advice: int) -> None:
    _libc.madvise(ctypes.c_void_p(place), ctypes.c_size_t(length), advice)


_libc = ctypes.CDLL(None)
