"""The operator's books: what devices recorded, what cards hold, and who is owed what."""

from host_tools.ledger.store import DeviceKeys, Issue, Ledger, open_ledger

__all__ = ["DeviceKeys", "Issue", "Ledger", "open_ledger"]
