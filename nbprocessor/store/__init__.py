"""Jobs and results: the index and the folders."""
