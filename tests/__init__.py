"""The tests: a package, so that no other package called tests (some libraries install one) takes its place."""
