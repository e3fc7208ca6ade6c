"""The exceptions of Minik, branched by who reacts.

Refusing a passenger is a result, never one of these. An error carries a status code or
a position as its first argument where it has one, and never a secret. No error has methods of its
own: on a board each would cost memory for ever.
"""


class MinikError(Exception):
    """Root of all errors that outside input or hardware can cause."""


class FrameError(MinikError):
    """A frame is damaged or does not follow its protocol: the link layer drops or repeats it."""


class LinkLost(MinikError):
    """The reader, modem or peer did not answer in its time: the service restarts it."""


class CardLost(MinikError):
    """The card did not answer (gone, or the air is noisy). Argument: the reader chip's status."""


class AuthError(MinikError):
    """The card or peer refused our key. Argument: the reader chip's status where there is one."""


class LayoutError(MinikError):
    """Authenticated content that no known layout explains."""


class SealError(MinikError):
    """A sealed or signed message does not verify; nothing of it was used."""


class JournalCorrupt(MinikError):
    """A journal record, or the chain between two, does not verify. Arguments: journal seq, why."""


class JournalFull(MinikError):
    """No room that is not still owed to the ledger: the device must refuse to sell."""


class SyncError(MinikError):
    """The peer broke the rules of the sync session; the session ends, the journal is untouched."""
