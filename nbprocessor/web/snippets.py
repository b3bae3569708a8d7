"""Commands that send the form's request from a shell or a program; ``static/form.js`` keeps them in step."""

import json
import pprint
from collections.abc import Mapping

from nbprocessor.model import Json

PLACE = "\N{REPLACEMENT CHARACTER}"
"""Where the request stands in a snippet; the script puts the form's present values there."""


def curl(url: str) -> str:
    """Return the command line with the place of the request, which stands in single quotes."""
    return (
        f"curl -i -X POST '{url}' \\\n"
        "  -H 'Content-Type: application/json' -H 'Prefer: respond-async' \\\n"
        f"  -d '{PLACE}'\n"
    )


def python(url: str) -> str:
    """Return the program with the place of the request, a Python literal."""
    return (
        "import time\n\nimport requests\n\n"
        f"request = {PLACE}\n"
        f'answer = requests.post("{url}", json=request, headers={{"Prefer": "respond-async"}}, timeout=60)\n'
        "answer.raise_for_status()\n"
        'job = answer.headers["Location"]\n'
        'while requests.get(job, timeout=60).json()["status"] in {"accepted", "running"}:\n'
        "    time.sleep(1)\n"
        'print(requests.get(f"{job}/results", params={"f": "json"}, timeout=60).json())\n'
    )


def shell_json(request: Mapping[str, Json]) -> str:
    """Write a request for single quotes in a shell."""
    return json.dumps(request, ensure_ascii=False).replace("'", "'\\''")


def python_literal(request: Mapping[str, Json]) -> str:
    """Write a request as a Python literal."""
    return pprint.pformat(request, width=100, sort_dicts=False)
