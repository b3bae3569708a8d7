import subprocess
import sys

import pytest

from nbprocessor.execution import heap

SCRIPT = """
import psutil
from nbprocessor.execution import heap

def used():
    return psutil.Process().memory_info().rss / 1e6

pieces = [bytes(1000) for _ in range(100_000)]
last = pieces.pop()  # above all others: they leave a hole
del pieces
full = used()
heap.give_back()
print(full - used())
"""


@pytest.mark.skipif(heap._trim is None, reason="only the GNU C library keeps freed memory and gives it back when asked")
def test_freed_memory_goes_back_to_the_system():
    said = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60)
    assert float(said.stdout) > 50
