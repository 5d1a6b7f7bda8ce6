"""Why a recording has no genres."""


class ClassificationFailedError(RuntimeError):
    """The classifier failed or did not answer; another attempt may succeed."""


class ClassificationRefusedError(RuntimeError):
    """The classifier will not, and would say so again; the message has its own words."""


class NoAddressError(ClassificationRefusedError):
    """The classifier fetches recordings itself, and this one has no public address."""

    def __init__(self) -> None:
        super().__init__(
            "the recording has no public address from which it could be classified: set R2_PUBLIC_BUCKET_URL, "
            "or let GENRE_PROVIDER be one that runs here"
        )
