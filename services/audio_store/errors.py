"""What can go wrong in a store."""


class AudioMissingError(FileNotFoundError):
    """The store does not hold the file."""


class AudioStoreError(RuntimeError):
    """The store cannot do what it was asked; the message says why."""


class StoreUnavailableError(AudioStoreError):
    """The store does not answer at the moment, attempts included; later it may."""


class StoreRefusedError(AudioStoreError):
    """The store answers that it will not, and would again; the message names the setting to look at."""


class ReadOnlyStoreError(AudioStoreError):
    """The store can only be read."""

    def __init__(self) -> None:
        super().__init__(
            "the audio store is read at R2_PUBLIC_BUCKET_URL, and nothing can be written or listed there: "
            "set R2_ENDPOINT_URL, R2_BUCKET, R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY"
        )
