"""Tariffs on the host: a GTFS feed with Fares v2 in, one signed binary out (docs/tariff.md)."""
