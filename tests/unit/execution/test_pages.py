"""Memory that forks share: prepared in a process of its own, as what has been shared is never freed."""

import subprocess
import sys
import textwrap

import pytest

from nbprocessor.execution import pages

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has the pages of /proc")
counts = pytest.mark.skipif(sys.version_info < (3, 12), reason="before Python 3.12 every reference is counted")


def said(code: str) -> str:
    """Return what a program writes."""
    program = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(program, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


@counts
def test_references_to_what_is_shared_are_not_counted_as_that_would_copy_it() -> None:
    assert (
        said("""
        import sys
        from nbprocessor.execution import pages

        class Thing:
            def method(self): return "a text of its own"

        thing = {"a": Thing(), "b": ["a text", 2.5]}
        pages.share()
        what = thing, thing["a"], Thing, Thing.method.__code__, thing["b"], thing["b"][1]
        before = list(map(sys.getrefcount, what))
        kept = [what for _ in range(1000)], [thing["b"][1] for _ in range(1000)]
        print(before == list(map(sys.getrefcount, what)))
    """)
        == "True"
    )


def test_what_is_made_later_is_freed_as_ever() -> None:
    assert (
        said("""
        import gc, weakref
        from nbprocessor.execution import pages

        class Thing:
            pass

        pages.share()
        thing, ring = Thing(), Thing()
        ring.itself = ring
        seen = weakref.ref(thing), weakref.ref(ring)
        del thing, ring
        gc.collect()
        print([one() for one in seen])
    """)
        == "[None, None]"
    )


def test_a_fork_goes_on_with_everything_that_was_shared() -> None:
    assert (
        said("""
        import os, pandas
        from nbprocessor.execution import pages

        table = pandas.DataFrame({"a": [1, 2]})
        pages.share()
        if os.fork() == 0:
            table.loc[2] = 3
            print(int(table.a.sum()), flush=True)
            os._exit(0)
        print(os.wait()[1], int(table.a.sum()))
    """)
        == "6\n0 3"
    )


def test_it_is_learnt_which_pages_are_written_and_they_are_copied_beforehand() -> None:
    assert (
        said("""
        import mmap, os, resource
        from nbprocessor.execution import pages

        memory = mmap.mmap(-1, 4000 * pages.PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        memory.write(b"x" * len(memory))

        def write():
            for number in range(1000, 2000):
                memory[number * pages.PAGE] = 1

        def faults():
            return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

        runs = pages.learn(write)
        print(max(length for _, length in runs) // pages.PAGE >= 1000)
        if os.fork() == 0:
            pages.copy(runs)
            before = faults()
            write()
            print(faults() - before < 100, memory[1000 * pages.PAGE], memory[0], flush=True)
            os._exit(0)
        os.wait()
        print(memory[1000 * pages.PAGE])
    """)
        == "True\nTrue 1 120\n120"
    )


def test_a_rehearsal_that_goes_wrong_teaches_nothing_and_harms_nobody() -> None:
    assert pages.learn(lambda: 1 / 0) == []
