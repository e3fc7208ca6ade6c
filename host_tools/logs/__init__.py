"""Journals outside their device: dump files, flash images, decoding and verification."""
