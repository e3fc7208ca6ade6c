"""The virtual board, driven by small firmware of its own."""
