"""Runs notebooks: papermill, kernels, workers."""
