"""How a kernel enters the view of its job: a process of the job's room that shuts itself off, then becomes the kernel.

Whoever runs the notebook lives in that room, too, and writes the job's record there: the kernel can neither write it
nor reach into that process.
"""

import json
import os
import sys
from collections.abc import Sequence

from nbprocessor.execution.sandbox.view import Retreat, View


def command(view: View) -> Sequence[str]:
    """Return what stands before the command of a kernel that is to see no more than a view."""
    return [sys.executable, "-P", "-m", __name__, json.dumps(view.plain())]


def main() -> None:
    """Enter the view, and become the command."""
    view, kernel = View.read(json.loads(sys.argv[1])), sys.argv[2:]
    place = os.getcwd()  # noqa: PTH109  # there is no path to it any more, soon
    Retreat([view.folder, view.scratch]).admit(view)
    os.chdir(place)  # what stands there now is not what did
    os.execvp(kernel[0], kernel)  # noqa: S606  # an installed kernel's


if __name__ == "__main__":
    main()
