"""CPython side of Minik: the `minik` command, the virtual bench, the ledger."""
