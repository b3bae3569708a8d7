"""Words shared by the server and the kernel: environment names, the output metadata key, cell tags, file names.

The kit runs inside the kernel and the server outside of it; this module is all they have in common. It imports nothing.
"""

# Environment of a job's kernel. Nothing else of the server's environment is needed by the kit.
JOB_ID = "NBPROCESSOR_JOB_ID"
"""Id of the job (a UUID); absent when a person works in JupyterLab."""
JOB_OUTPUTS = "NBPROCESSOR_JOB_OUTPUTS"
"""Folder into which outputs are written; absent in JupyterLab."""
SOURCE = "NBPROCESSOR_SOURCE"
"""Where data comes from: ``demo``, a folder, or the base URL of a KomMonitor Data Management API."""
SOURCE_WRITES = "NBPROCESSOR_SOURCE_WRITES"
"""Folder that takes what is written to a folder source (an overlay); absent: written in the source itself."""
SOURCE_SOCKET = "NBPROCESSOR_SOURCE_SOCKET"
"""Path of the job's gateway socket to Data Management, when there is one (it adds the token; the kernel has none)."""
SOURCE_PUBLIC = "NBPROCESSOR_SOURCE_PUBLIC"
"""``1``: the gateway has no token, nobody is signed in, and only what is public can be read."""
HANDLE = r"^[A-Z][A-Z0-9]{0,31}(_[A-Z0-9]{1,31}){0,5}$"
"""What the name of a secret is like; it is a part of a variable's name."""
HANDLE_FILE = "NBPROCESSOR_SECRET_{name}_FILE"
"""Path of the file that holds a secret's value, by the name the front matter has for it."""
LANGUAGE = "NBPROCESSOR_LANGUAGE"
"""Language of titles in maps, charts and tables: ``de`` or ``en``."""

# Outputs: `display_data` metadata under this key, next to papermill's own, never inside it.
METADATA_KEY = "nbprocessor"
"""``{"nbprocessor": {"output": id, "mediaType": …, "href": file name, "bytes": n, "sha256": hex}}``"""
SCRAP_MEDIA_TYPE = "application/scrapbook.scrap."
"""Prefix of scrapbook's glued outputs, read as outputs too: ``…json+json``, ``…text+json``."""
PROGRESS_MEDIA_TYPE = "application/x-nbprocessor-progress+json"
"""`display_data` of this type moves the progress inside a cell; it is not kept in the notebook."""

# Cell tags of papermill and Jupyter.
TAG_PARAMETERS = "parameters"
TAG_INJECTED = "injected-parameters"

# Files in a job's folder.
FILE_NOTEBOOK = "notebook.ipynb"
"""The notebook as it was before the run, byte for byte."""
FILE_EXECUTED = "executed.ipynb"
"""The executed notebook; partial while the job runs, up to the failing cell when it failed."""
FILE_INPUTS = "inputs.json"
"""The execute request as it was accepted, values validated and complete with defaults."""
FILE_PROCESS = "process.json"
"""The process description as it was resolved for this job, in all languages."""
FILE_JOB = "job.json"
"""Who asked for the job, when and how, as it was accepted: what its row in the database began with."""
FILE_LOG = "log.txt"
FILE_MANIFEST = "manifest.json"
"""Facts of the run and the SHA-256 digest of every other file; written last."""
FOLDER_OUTPUTS = "outputs"
FOLDER_WORK = "work"
"""Working folder of the kernel: files a notebook leaves beside itself land here and cannot replace the job's own."""
FOLDER_WRITES = "writes"
"""What was written to a source that cannot be written itself (``SOURCE_WRITES`` of the demo)."""
