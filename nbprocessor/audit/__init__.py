"""What can be proved about a run."""
