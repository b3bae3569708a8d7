"""What a process notebook imports: ``from nbprocessor import kit``. Runs inside the kernel and sees only contract and errors."""
