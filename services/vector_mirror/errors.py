"""What can go wrong with a mirror."""


class MirrorError(RuntimeError):
    """The mirror did not do what was asked; the message says why, in words."""


class MirrorUnavailableError(MirrorError):
    """It does not answer, or not now: later it may. Whether a write arrived is not known."""


class NamespaceMissingError(MirrorUnavailableError):
    """There is no such namespace: nothing was written to it, and nothing will be."""


class MirrorRefusedError(MirrorError):
    """It will never answer with these settings; the message names the one to look at."""


class DocumentsRefusedError(MirrorError):
    """It will not take these documents. Nothing of the write has happened."""
