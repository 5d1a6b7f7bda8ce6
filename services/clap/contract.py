"""What the service is sent and what it answers.

`{"text": ...}` and `{"audio_b64": ...}`, answered by `embedding` and `dimensions`, are the contract of the service that
this one replaces. `model`, `audio_url` and the batch forms are additions that its callers need not know.
"""

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Text: TypeAlias = Annotated[str, Field(max_length=2_000)]
"""Models read a hundred words at most; what is longer is no description of a sound."""


class TextRequest(BaseModel):
    """A text, or several."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "dark ambient techno"}]})

    text: Text | None = Field(default=None, description="A description of a sound.")
    texts: list[Text] | None = Field(default=None, description="Several, in place of text.")


class Recording(BaseModel):
    """A recording, sent along or to be fetched."""

    audio_b64: str | None = Field(default=None, description="A whole audio file in base64.")
    audio_url: str | None = Field(default=None, description="Address of one, at a host of CLAP_AUDIO_ORIGINS.")


class AudioRequest(Recording):
    """A recording, or several."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"audio_b64": "T2dnUwAC..."}]})

    items: list[Recording] | None = Field(default=None, description="Several, in place of one.")


class Embedding(BaseModel):
    """The vector of one text or recording."""

    embedding: list[float] = Field(description="Of length 1.")
    dimensions: int
    model: str = Field(description="Identity of the model; vectors of different identities cannot be compared.")


class TextEmbeddings(BaseModel):
    """The vectors of several texts, in their order."""

    embeddings: list[list[float]]
    dimensions: int
    model: str


class AudioResult(BaseModel):
    """What became of one recording of several: a vector, or why there is none."""

    embedding: list[float] | None = None
    error: str | None = None


class AudioEmbeddings(BaseModel):
    """The vectors of several recordings, in their order."""

    results: list[AudioResult]
    dimensions: int
    model: str


class Health(BaseModel):
    """Whether the service can answer."""

    status: str
    dimensions: int
    model: str
