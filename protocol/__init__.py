"""What device and host agree on: fares, card layouts, journal, sync. SPEC.md has the bytes."""
