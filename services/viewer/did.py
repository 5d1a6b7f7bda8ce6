"""What a viewer's DID may look like."""

_MOST_CHARACTERS = 2_048
"""As the specification of DIDs has it for the AT Protocol."""


def is_did(value: object) -> bool:
    """Whether a value can be the key of an artist: a text of printable characters without spaces."""
    return isinstance(value, str) and 0 < len(value) <= _MOST_CHARACTERS and value.isprintable() and " " not in value
