"""Awkward notebooks, by what is awkward in them: the sources of their code cells."""

from collections.abc import Mapping, Sequence

CORPUS: Mapping[str, Sequence[str]] = {
    "text on both streams": [
        "import sys\nprint('out')\nprint('err', file=sys.stderr)\nprint('again')",
        "print('x', end='')",
    ],
    "the value of the last expression": ["1 + 1", "'text'", "None", "a = 3\na", "[1, 2, 3];"],
    "rich representations": [
        "from IPython.display import HTML, JSON, Latex, Markdown, display\ndisplay(HTML('<b>x</b>'), Markdown('*m*'))",
        "display(JSON({'a': [1, 2]}))\nLatex('$x$')",
        "class Both:\n    def _repr_html_(self): return '<i>h</i>'\n    def __repr__(self): return 'plain'\nBoth()",
        "class Bundle:\n    def _repr_mimebundle_(self, **_):\n        "
        "return {'text/plain': 'p', 'application/x+json': {'k': 1}}, {'application/x+json': {'m': 2}}\nBundle()",
    ],
    "data frames": ["import pandas as pd\npd.DataFrame({'a': [1, 2], 'b': ['x', None]})"],
    "geodata": [
        "import geopandas as gpd\nfrom shapely.geometry import Point\n"
        "f = gpd.GeoDataFrame({'n': ['a']}, geometry=[Point(7, 51)], crs='EPSG:4326')\nf.to_crs('EPSG:25832').round(0)"
    ],
    "displays that are updated": [
        "from IPython.display import display, update_display\nh = display('first', display_id='one')",
        "update_display('second', display_id='one')\nprint('kept')",
        "h.update('third')",
    ],
    "displays of one name": [
        "from IPython.display import HTML, clear_output, display, update_display\n"
        "for n in range(3):\n    display(n, display_id='one')",
        "display('second', display_id='one')\nupdate_display('third', display_id='one')\ndisplay(1, display_id='two')",
        "h = display('gone', display_id='one')\nclear_output()\nh.update('fourth')",
        "h = display('gone', display_id='one')\nclear_output(wait=True)\nh.update('5th')\nprint('x')\nh.update('6th')",
    ],
    "outputs that are cleared": [
        "from IPython.display import clear_output\nprint('gone')\nclear_output()\nprint('stays')",
        "print('gone')\nclear_output(wait=True)\nprint('stays')",
        "print('stays')\nclear_output(wait=True)",
    ],
    "a plot as the last expression": [
        "import matplotlib.pyplot as plt\nfig, ax = plt.subplots(figsize=(2, 1))\nax.plot([1, 2]);"
    ],
    "a plot that is shown": [
        "import matplotlib.pyplot as plt\nplt.figure(figsize=(2, 1))\nplt.plot([1, 2])\nplt.show()\nprint('after')"
    ],
    "a figure as value": ["import matplotlib.pyplot as plt\nfig = plt.figure(figsize=(2, 1))\nplt.close(fig)\nfig"],
    "plots by the magic": ["%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]);"],
    "magics": [
        "%%time_nothing_like_this" if False else "x = 5\n%who_ls",
        "%%capture kept\nprint('captured')",
        "kept.stdout",
        "%pwd\n1",
    ],
    "a shell in a cell": ["%%bash\necho from bash\necho to err >&2", "!echo from the bang", "out = !echo kept\nout"],
    "await at the top": [
        "import asyncio\nawait asyncio.sleep(0)\nprint('slept')",
        "async def f():\n    return 7\nawait f()",
    ],
    "tasks that go on": [
        "import asyncio\nasync def later():\n    await asyncio.sleep(0.01)\n    return 7\n"
        "task = asyncio.create_task(later())",
        "await task",
    ],
    "no second loop": [
        "import asyncio\ntry:\n    asyncio.run(asyncio.sleep(0))\nexcept RuntimeError as error:\n    print(error)"
    ],
    "threads": [
        "import threading\nt = threading.Thread(target=lambda: print('in a thread'))\nt.start(); t.join()",
        "from concurrent.futures import ThreadPoolExecutor as Pool\n"
        "with Pool(2) as p:\n    print(list(p.map(abs, [-1])))",
    ],
    # A kernel may hand over too late what they print; it is given the time.
    "forks that print": [
        "import multiprocessing, sys, time\nfork = multiprocessing.get_context('fork')\n"
        "def work(n):\n    print('child', n)\n    print('warns', n, file=sys.stderr)\n    sys.stdout.write('no line')\n"
        "print('before', end=' ')\nchild = fork.Process(target=work, args=(1,))\nchild.start()\nchild.join()\n"
        "time.sleep(0.5)\nprint('after')",
        "with fork.Pool(2) as pool:\n    found = pool.map(len, ['a', 'bc'])\n    pool.map(print, ['text'])\n"
        "time.sleep(0.5)\nprint(found)",
    ],
    "an exception": ["def f(x):\n    return {}[x]", "f('AGS')", "print('never')"],
    "an exception that is expected": ["#raises-exception\n1 / 0", "print('goes on')"],
    "a syntax error": ["print('x'\n1 ==== 2"],
    "an exception of one's own": ["class Bad(Exception):\n    def __str__(self): return 'bad ☠'\nraise Bad()"],
    "an exception inside another": [
        "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('outer') from e"
    ],
    "the system's exit": ["import sys\nsys.exit(3)", "print('goes on?')"],
    "input is refused": ["input('name? ')"],
    "many lines": ["for i in range(20_000):\n    print(i)"],
    "one long line": ["print('x' * 3_000_000)"],
    "much data": ["from IPython.display import HTML\nHTML('y' * 2_000_000)"],
    "a cell that is empty": ["", "   ", "print('x')"],
    "history": ["1 + 1", "_ + 1", "print(_1, Out[2], In[1])"],
    "names of the module": [
        "__name__",
        "import __main__\n'here' in vars(__main__), hasattr(__main__, '__name__')",
        "here = 1\n__main__.here",
    ],
    "pickling": ["import pickle\nclass P:\n    pass\npickle.loads(pickle.dumps(P())).__class__.__name__"],
    "the logging module": ["import logging\nlogging.warning('told')\nlogging.info('not told')"],
    "text of all kinds": [
        "print('ä ☃ 𝄞 \\x1b[31mred\\x1b[0m \\t tab \\r back')",
        "'\\udcff'.encode('utf-8', 'surrogateescape')",
    ],
    "halves of letters": [
        "print('before')\nprint('Stra\\udcdfe.shp', '\U0001d11e', '\\\\udcdf')\nprint('after')",
        "import sys\nsys.stderr.write('\\udc80x')",
        "{'\\udcff': 1}",
        "raise ValueError('Stra\\udcdfe.shp')",
    ],
    "pretty printing": [
        "import pprint\npprint.pprint({'b': 1, 'a': list(range(40))})",
        "{'a': {'b': list(range(60))}}",
    ],
    "help": ["len?", "print(len.__doc__[:20])"],
    "exit functions": ["import atexit\nn = atexit.register(print, 'at exit')\n1"],
    "environment": [
        "import os\nsorted(k for k in os.environ if k in ('PAGER', 'FORCE_COLOR', 'TERM', 'NBPROCESSOR_JOB_ID'))",
        "!echo $PAGER",
    ],
}
