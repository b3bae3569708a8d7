"""Notebooks that mean harm, or look as if: what their cell "work" does, and how their jobs have to end."""

from dataclasses import dataclass

SECRET = "the-server-alone-knows-this"

HAND_OVER = """
from IPython.display import publish_display_data
handed = {"output": "result", "mediaType": "application/json", "href": href}
publish_display_data({"text/plain": href}, {"nbprocessor": handed})
"""
LOOK_AROUND = """
import os
from pathlib import Path
print(dict(os.environ))
for path in Path("/proc").glob("[0-9]*"):
    for name in ("environ", "cmdline", "cwd", "root/etc/shadow", "maps"):
        try:
            print(path.name, name, (path / name).readlink() if name == "cwd" else (path / name).read_bytes())
        except OSError as error:
            print(path.name, name, type(error).__name__)
for folder in (Path.cwd().parents[1], Path.cwd().parents[2], Path.home(), Path("/sys/fs/cgroup"), Path("/root")):
    try:
        print("listed", folder, sorted(path.name for path in folder.iterdir()))
    except OSError as error:
        print("not listed", folder, type(error).__name__)
"""
CONNECT = """
import glob, socket
for address in (("127.0.0.1", port), ("1.1.1.1", 53), ("169.254.169.254", 80)):
    try:
        socket.create_connection(address, 2).close()
        print("connected to", address)
    except OSError as error:
        print("refused", type(error).__name__)
try:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
    print("connected raw")
except OSError as error:
    print("refused", type(error).__name__)
"""
KILL_ALL = "import os\ntry:\n    os.kill(-1, 9)\nexcept ProcessLookupError:\n    pass\nprint('still there')"
FORK_BOMB = "import os\nwhile True:\n    os.fork()"
MANY_THREADS = """
import threading, time
for _ in range(100_000):
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
"""
ALLOCATE = "held = []\nwhile sum(map(len, held)) < 20_000_000_000:\n    held.append(b'x' * 50_000_000)"
LARGE_FILE = """
with open("large", "wb") as file:
    for _ in range(5_000):
        file.write(bytes(1_000_000))
"""
MANY_FILES = """
import itertools
for number in itertools.count():
    open(f"../outputs/{number}", "wb").write(bytes(1_000_000))
"""
TEMPORARY_FILES = "import tempfile\nwhile True:\n    tempfile.mkdtemp()"
ENDLESS = "while True:\n    print('x' * 999)"
PAST_PYTHON = "import os\nwhile True:\n    os.write(1, b'x' * 999 + b'\\n')"
DISPLAYS = "from IPython.display import display\nfor number in range(100_000):\n    display(number)"
ONE_DISPLAY = "from IPython.display import HTML, display\ndisplay(HTML('x' * 40_000_000))"
SLEEP = "import time\nwhile True:\n    time.sleep(600)"
COMPUTE = "while True:\n    pass"
STUBBORN = f"""
import signal
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGXCPU):
    signal.signal(number, signal.SIG_IGN)
{SLEEP}"""
SUICIDE = "import os\nos.kill(os.getpid(), 9)"
DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    open("daemon", "w").write(str(os.getpid()))
    while True:
        time.sleep(60)
while not os.path.exists("daemon") or not open("daemon").read():
    time.sleep(0.01)
print("left a daemon")
"""
SYMLINK = f"import os\nos.symlink('/etc/passwd', '../outputs/result.json')\nhref = 'result.json'{HAND_OVER}"
HARD_LINK = f"import os\nos.link('../notebook.ipynb', '../outputs/result.json')\nhref = 'result.json'{HAND_OVER}"
FIFO = f"import os\nos.mkfifo('../outputs/result.json')\nhref = 'result.json'{HAND_OVER}"
SPARSE = f"open('../outputs/result.json', 'wb').truncate(10**12)\nhref = 'result.json'{HAND_OVER}"
OUT_OF_PLACE = f"href = '../../x'{HAND_OVER}"
REPLACED = f"""
import os, shutil
shutil.rmtree('../outputs', ignore_errors=True)
try:
    os.rmdir('../outputs')
except OSError:
    pass
try:
    os.symlink('/etc', '../outputs')
except OSError:
    pass
href = 'passwd'{HAND_OVER}"""
BURIED = "import os\nfor _ in range(3000):\n    os.mkdir('d')\n    os.chdir('d')\nopen('file', 'w').close()"
NAMES = "open('x' * 255, 'w').close()\nopen(b'\\xff\\xfe', 'w').close()\nopen('a\\nb', 'w').close()\nprint('named')"
OUT_OF_TURN = """
import os
for descriptor in range(3, 100):
    try:
        os.write(descriptor, (10).to_bytes(8, "little") + b"x" * 1000)
    except OSError:
        pass
print("spoke out of turn")
"""

MISSING = 'the notebook ended without handing over its declared output "result"'


@dataclass(frozen=True)
class Attack:
    """A cell, and how the job that runs it ends."""

    source: str
    ends: str
    """Beginning of the job's message; empty: it succeeds, having done no harm."""
    limits: str = ""
    """Lines of the front matter."""
    says: str = ""
    """What the notebook has to show."""
    output: bool = False
    """Declares an output that it hands over, or seems to."""
    kernel_too: bool = False
    """Worth a run in a kernel: other parts stand in its way."""


ATTACKS = {
    "look_around": Attack(LOOK_AROUND, "", says="environ", kernel_too=True),
    "connect": Attack(CONNECT, "", says="refused", kernel_too=True),
    "kill_all": Attack(KILL_ALL, "", says="still there"),
    "fork_bomb": Attack(FORK_BOMB, 'process limit of 64 reached in cell "work"', kernel_too=True),
    "many_threads": Attack(MANY_THREADS, 'process limit of 64 reached in cell "work"'),
    "allocate": Attack(ALLOCATE, 'memory limit of 800 MB reached in cell "work"', kernel_too=True),
    "large_file": Attack(LARGE_FILE, 'file size limit of 20 MB reached in cell "work"', kernel_too=True),
    "many_files": Attack(MANY_FILES, 'output size limit of 40 MB reached in cell "work"'),
    "temporary_files": Attack(TEMPORARY_FILES, 'temporary size limit of 30 MB reached in cell "work"'),
    "endless": Attack(ENDLESS, 'cell output limit of 5 MB reached in cell "work"'),
    "past_python": Attack(PAST_PYTHON, 'cell output limit of 5 MB reached in cell "work"'),
    "displays": Attack(DISPLAYS, 'cell output limit of 500 outputs reached in cell "work"', kernel_too=True),
    "one_display": Attack(ONE_DISPLAY, 'cell output limit of 5 MB reached in cell "work"'),
    "sleep": Attack(SLEEP, 'time limit of 3 s reached in cell "work"', limits="time: 3"),
    "compute": Attack(COMPUTE, 'processor time limit of 2 s reached in cell "work"', limits="cpu: 2"),
    "stubborn": Attack(STUBBORN, 'time limit of 3 s reached in cell "work"', limits="time: 3"),
    "suicide": Attack(SUICIDE, 'the kernel died in cell "work"'),
    "daemon": Attack(DAEMON, "", says="left a daemon"),
    "symlink": Attack(SYMLINK, MISSING, output=True),
    "hard_link": Attack(HARD_LINK, "", output=True),
    "fifo": Attack(FIFO, MISSING, output=True),
    "sparse": Attack(SPARSE, 'file size limit of 20 MB reached in cell "work"', output=True),
    "out_of_place": Attack(OUT_OF_PLACE, MISSING, output=True),
    "replaced": Attack(REPLACED, MISSING, output=True),
    "buried": Attack(BURIED, 'folder depth limit of 50 levels reached in cell "work"'),
    "names": Attack(NAMES, "", says="named"),
    "out_of_turn": Attack(OUT_OF_TURN, 'cell "work" wrote to the connection'),
}
"""Some would end every process of a user that runs them unsealed: they are run only where runs are sealed."""
