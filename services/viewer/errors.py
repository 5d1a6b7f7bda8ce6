"""Why a viewer is not known."""


class ViewerUnavailableError(RuntimeError):
    """The viewer cannot be told at the moment; the message says why, without the credentials."""


class CredentialsRefusedError(RuntimeError):
    """The bearer token is not valid; the message says why, without the token."""
