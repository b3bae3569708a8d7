"""Authors' tools in JupyterLab."""
