"""What device and host agree on: fares, card layouts, journal records, sync. Bytes are in SPEC.md."""
