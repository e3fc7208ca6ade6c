"""The card desk: issuing a MIFARE Classic card and reading everything on it."""
