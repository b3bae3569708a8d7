"""``python -m nbprocessor`` is the command line."""

from nbprocessor.cli import main

main()
