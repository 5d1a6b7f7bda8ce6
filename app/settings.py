"""Settings, read from the environment and from a .env file in the working folder."""

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.errors import UserError
from models.audio.decoder import DecoderLimits
from models.runtime.run_options import Device, RunOptions


class Settings(BaseSettings):
    """Every setting of vibe-search; the environment variable is the field's name in capitals.

    An empty variable counts as unset, in the environment and in the .env file.
    """

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore")

    database_url: str | None = Field(
        default=None,
        description="Postgres >= 15 with pgvector >= 0.8.0, as postgresql://user:password@host/name. "
        "Unset: an embedded Postgres is started in DATA_DIR.",
    )
    database_direct_url: str | None = Field(
        default=None,
        description="The same database past the pooler that DATABASE_URL leads to, for what needs a session: "
        "LISTEN of workers and backfills that work inline, as vibe_app; db migrate, adopt, release and roles, "
        "as the owner, for that command alone. Unset: DATABASE_URL.",
    )
    data_dir: Path = Field(
        default=Path(".data"),
        description="Folder of the embedded Postgres (postgres/) and of the local audio store (audio/).",
    )
    audio_store: Literal["local", "s3"] = Field(
        default="local", description="Where audio is kept: local, a folder in DATA_DIR, or s3, a bucket of R2 or S3."
    )
    r2_endpoint_url: str | None = Field(
        default=None,
        description="Address of the server that has the bucket, without the bucket, "
        "for example https://0123abcd.r2.cloudflarestorage.com.",
    )
    r2_bucket: str | None = Field(default=None, description="Name of the bucket.")
    r2_region: str = Field(default="auto", description="Region of the bucket; auto for R2.")
    r2_access_key_id: str | None = Field(default=None, description="Who reads and writes the bucket.")
    r2_secret_access_key: SecretStr | None = Field(default=None, description="The secret that belongs to it.")
    r2_public_bucket_url: str | None = Field(
        default=None,
        description="Address below which everybody can read the bucket's objects. "
        "Alone, without keys, the bucket is only read, and there.",
    )
    http_host: str = Field(default="127.0.0.1", description="Address that the API listens on.")
    http_port: int = Field(default=8000, ge=1, le=65535, description="Port that the API listens on.")
    http_connections: int = Field(
        default=800,
        ge=1,
        description="Connections of clients that one process keeps. One more closes the one that has been idle "
        "longest; where none is idle, its request gets 503. "
        "Fewer than the files that a process may open (ulimit -n).",
    )
    http_header_seconds: float = Field(
        default=20.0,
        gt=0,
        le=3600,
        description="How long a client may take to send the head of a request; then its connection is closed.",
    )
    http_body_bytes_per_second: int = Field(
        default=1000,
        ge=0,
        description="How fast a request's body must come in, on average; a slower one gets 408. 0: any rate.",
    )
    http_body_seconds: float = Field(
        default=30.0,
        gt=0,
        le=3600,
        description="How long a body may fall behind HTTP_BODY_BYTES_PER_SECOND, in seconds.",
    )
    embedding_model: str = Field(
        default="musicnn-tags",
        description="Model that a new database serves, by its name (vibe-search models list). "
        "Afterwards `vibe-search models use` changes it: the database says which model serves.",
    )
    models_dir: Path | None = Field(
        default=None,
        description="Folder of the models that `vibe-search models pull` installs. Unset: models/ in DATA_DIR.",
    )
    model_threads: int = Field(default=1, ge=1, le=256, description="Threads that one inference uses.")
    model_device: Device = Field(
        default="auto",
        description="Where networks run: cpu, cuda, or auto, which takes CUDA where ONNX Runtime offers it.",
    )
    model_batch_windows: int = Field(
        default=4, ge=1, le=256, description="Windows of audio that go through a network at once; bounds its memory."
    )
    text_model_idle_seconds: float = Field(
        default=0.0, ge=0, description="A model's text half is unloaded after so long without a query. 0 keeps it."
    )
    audio_model_idle_seconds: float = Field(
        default=300.0, ge=0, description="A model's audio half is unloaded after so long without audio. 0 keeps it."
    )
    window_hop_seconds: float = Field(
        default=10.0,
        gt=0,
        le=10,
        description="Distance between the 10 s windows of a CLAP model. Part of a model's identity: "
        "with another hop, tracks must be embedded anew.",
    )
    text_cache_size: int = Field(
        default=4096,
        ge=0,
        le=1_000_000,
        description="Vectors of texts that a process keeps; 2 kB each at 512 dimensions.",
    )
    modal_enabled: bool = Field(
        default=False,
        description="Whether MODAL_MODEL is asked over HTTP, on Modal or anywhere, not run in the process.",
    )
    modal_model: str = Field(
        default="clap-htsat-unfused", description="Model that the service behind the MODAL_ addresses runs."
    )
    modal_embed_audio_url: str | None = Field(
        default=None, description="Address that embeds audio, for example https://example.org/embed_audio."
    )
    modal_embed_text_url: str | None = Field(
        default=None, description="Address that embeds texts, for example https://example.org/embed_text."
    )
    modal_timeout_seconds: float = Field(
        default=120.0, gt=0, le=3600, description="How long one embedding may take there, repetitions included."
    )
    genre_provider: Literal["musicnn-tags", "discogs-effnet", "replicate", "none"] = Field(
        default="musicnn-tags",
        description="Who names genres: a model in the worker, Replicate, or nobody.",
    )
    replicate_enabled: bool = Field(
        default=False, description="Whether Replicate names genres, whatever GENRE_PROVIDER says."
    )
    replicate_api_token: SecretStr | None = Field(default=None, description="Token of the account on Replicate.")
    replicate_top_n: int = Field(
        default=10, ge=1, le=400, description="Predictions that are kept for a track, whoever makes them."
    )
    replicate_timeout_seconds: float = Field(
        default=120.0, gt=0, le=3600, description="How long one classification may take there, repetitions included."
    )
    replicate_model_version: str = Field(
        default="1532dd069fb4f0e27c6833e28815f6b8c194dfec76fd9cd73460540fd720ffe1",
        description="Version of mtg/effnet-discogs that is asked for.",
    )
    replicate_base_url: str = Field(default="https://api.replicate.com", description="Address of Replicate's API.")
    turbopuffer_enabled: bool = Field(
        default=False, description="Whether workers keep a mirror of the vectors in turbopuffer."
    )
    turbopuffer_api_key: SecretStr | None = Field(default=None, description="Key of the account at turbopuffer.")
    turbopuffer_region: str = Field(
        default="api",
        pattern=r"^[A-Za-z0-9.-]+$",
        description="Region of its namespaces, for example gcp-us-central1: the first part of the API's host name.",
    )
    turbopuffer_namespace: str = Field(
        default="plyr-tracks",
        # a number may be added to it
        pattern=r"^[A-Za-z0-9._-]{1,100}$",
        description="Namespace of the mirror. One that takes its place has a number behind this name.",
    )
    turbopuffer_base_url: str | None = Field(
        default=None, description="Address of the API instead of the region's, for a proxy or a test."
    )
    vector_backend: Literal["pgvector", "turbopuffer"] = Field(
        default="pgvector",
        description="Who finds the tracks nearest to a vector: Postgres, or the mirror as long as it answers in time.",
    )
    vector_backend_deadline_seconds: float = Field(
        default=0.25,
        gt=0,
        le=60,
        description="How long a search waits for the mirror. Past it Postgres finds the tracks.",
    )
    mirror_max_lag_seconds: float = Field(
        default=30.0,
        gt=0,
        le=86_400,
        description="How far the mirror may be behind and still be asked. Past it Postgres finds the tracks.",
    )
    recommended_tags_wait_seconds: float = Field(
        default=8.0,
        ge=0,
        le=60,
        description="How long a request for recommended tags waits for a track to be classified. "
        "Past it the answer has what there is.",
    )
    clap_model: str = Field(default="clap-htsat-unfused", description="Model that `vibe-search clap serve` runs.")
    clap_host: str = Field(default="127.0.0.1", description="Address that `vibe-search clap serve` listens on.")
    clap_port: int = Field(default=8001, ge=1, le=65535, description="Port that `vibe-search clap serve` listens on.")
    clap_max_bytes: int = Field(
        default=200_000_000, ge=1_000, description="Size of the recordings of a request to the CLAP service, in bytes."
    )
    clap_max_seconds: float = Field(
        default=10_800.0, gt=0, description="Length of a recording that the CLAP service takes."
    )
    clap_concurrency: int = Field(
        default=2,
        ge=1,
        le=256,
        description="Requests that the CLAP service works on at the same time; one more gets 503.",
    )
    clap_max_batch: int = Field(
        default=64, ge=1, le=1000, description="Texts or recordings in one request to the CLAP service."
    )
    clap_audio_origins: str = Field(
        default="",
        description="Hosts from which the CLAP service fetches an audio_url, separated by commas. Empty: from nowhere.",
    )
    semantic_deadline_seconds: float = Field(
        default=0.25,
        gt=0,
        le=60,
        description="How long a search waits for the vector of its text. "
        "Past it the answer is found by name alone and says available: false.",
    )
    semantic_max_results: int = Field(
        default=50,
        ge=1,
        le=50,
        description="Results of `GET /search/semantic` at most, whatever its `limit` is.",
    )
    sound_min_confidence: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="Results by sound with less confidence are not shown. 0 shows all; see docs/why/confidence.md.",
    )
    vibe_search_for_everyone: bool = Field(
        default=True,
        description="Whether everybody gets results by sound. "
        "False: only viewers with the feature flag vibe-search do, and the others are answered by name.",
    )
    viewer_header: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9-]+$",
        description="Request header in which a trusted proxy passes the DID of who is asking. "
        "Unset: only those with a token are known. Set it only where that proxy replaces what clients send.",
    )
    viewer_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Endpoint of your application that is asked who holds a cookie or a bearer token: "
        "it answers 200 and JSON with the DID, or 401 or 403.",
    )
    viewer_field: str = Field(
        default="did",
        pattern=r"^[^.]+(\.[^.]+)*$",
        description="Field of that answer that has the DID; dots lead into objects.",
    )
    viewer_cookie: str | None = Field(
        default=None,
        pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
        description="Name of the session cookie, the only one that is then forwarded. Unset: all cookies are.",
    )
    viewer_timeout_seconds: float = Field(
        default=1.0,
        gt=0,
        le=60,
        description="How long a request waits for that answer, or for VIEWER_JWT_KEYS. Past it searches are anonymous.",
    )
    viewer_cache_seconds: float = Field(
        default=10.0,
        ge=0,
        le=3600,
        description="How long an answer is kept; a user who signs out is known for so long.",
    )
    viewer_jwt_keys: str | None = Field(
        default=None,
        description="Address or file of the JWK set that your application signs its bearer tokens with, as JWTs.",
    )
    viewer_jwt_secret: SecretStr | None = Field(
        default=None, description="Secret of the algorithms HS256, HS384 and HS512, in place of VIEWER_JWT_KEYS."
    )
    viewer_jwt_algorithms: str | None = Field(
        default=None,
        description="Algorithms that may sign a token, with commas between them. "
        "Unset: RS256, PS256, ES256 and EdDSA, or HS256 with VIEWER_JWT_SECRET.",
    )
    viewer_jwt_issuer: str | None = Field(
        default=None,
        description="Claim iss of your tokens. A token of another issuer is not verified here. Unset: any.",
    )
    viewer_jwt_audience: str | None = Field(
        default=None,
        description="Claim aud of your tokens, or several with commas between them. "
        "Unset: a token that has an audience is refused.",
    )
    viewer_jwt_claim: str = Field(default="sub", min_length=1, description="Claim that has the DID.")
    viewer_jwt_leeway_seconds: float = Field(
        default=10.0, ge=0, le=600, description="How far the clocks of search and of the issuer may differ."
    )
    clip_max_bytes: int = Field(
        default=10_000_000, ge=1_000, description="Size of a request that searches by a clip; a larger one gets 413."
    )
    clip_max_seconds: float = Field(
        default=60.0, gt=0, le=900, description="How much of a clip is embedded, from its start, in seconds."
    )
    clip_concurrency: int = Field(
        default=2, ge=1, le=256, description="Clips that are embedded at the same time; one more gets 503."
    )
    clip_deadline_seconds: float = Field(
        default=10.0,
        gt=0,
        le=300,
        description="How long a search waits for the vector of its clip. Past it the answer says available: false.",
    )
    upload_max_bytes: int = Field(
        default=200_000_000, ge=1_000, description="Size of a request that uploads audio; a larger one gets 413."
    )
    upload_concurrency: int = Field(
        default=4, ge=1, le=256, description="Uploads that are looked at and stored at the same time; others wait."
    )
    unused_audio_hours: float = Field(
        default=24.0,
        ge=0.1,
        description="How long uploaded audio is kept that no track uses: of deleted tracks, and of uploads "
        "that broke off.",
    )
    worker_concurrency: int = Field(
        default=4, ge=1, le=256, description="Jobs that one worker process runs at the same time."
    )
    audio_max_seconds: float = Field(
        default=900.0,
        gt=0,
        description="How much of a recording is embedded and classified: from its start, or by a CLAP model "
        "in windows spread evenly over the whole. Part of a CLAP model's identity.",
    )
    decoder_max_seconds: float = Field(
        default=300.0,
        gt=0,
        le=86_400,
        description="How long decoding one file may take; then the process that decodes is killed. "
        "A file of many hours takes minutes; one of more than 48 hours is refused.",
    )
    decoder_max_bytes: int = Field(
        default=268_435_456, ge=16_777_216, description="Memory that decoding one file may take, in bytes."
    )
    decoder_work_per_second: float = Field(
        default=0.05,
        gt=0,
        le=100,
        description="Processor time in seconds that decoding a second of audio may take, beside 10 s for each file. "
        "An ordinary file takes a tenth of it.",
    )
    allow_debugger: bool = Field(
        default=False,
        description="Whether other programs of the same user may read the memory and the environment of these "
        "processes, as debuggers and profilers do, and whether they leave core dumps.",
    )
    job_max_attempts: int = Field(default=5, ge=1, le=100, description="Attempts at a job before it fails for good.")
    audio_wait_hours: int = Field(
        default=72,
        ge=0,
        le=720,
        description="How long a job on a track waits for audio that the store does not have yet, before it fails.",
    )
    job_retention_hours: int = Field(
        default=72, ge=1, description="How long finished jobs are kept in the queue's tables."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="warning",
        description="What `serve` and `worker` log at least; info has a line for each request.",
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="Lines for people, or a JSON object a line for machines."
    )
    log_queries: bool = Field(
        default=False, description="Whether the log's lines about requests hold what was searched for."
    )
    worker_metrics_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="Port on which a worker shows its figures to Prometheus, on all addresses. 0: on none.",
    )
    cors_origins: str = Field(
        default="",
        description="Origins whose pages may call the API from a browser, with commas between them, for example "
        "https://plyr.fm,https://*.plyr.fm. `*.` stands for exactly one label. Empty: none but the API's own.",
    )
    rate_limit_searches: int = Field(
        default=1200,
        ge=0,
        description="Requests a minute that one address may send; one more gets 429. "
        "Requests whose address is not readable share one count. 0: any number.",
    )
    rate_limit_costly: int = Field(
        default=60,
        ge=0,
        description="The same for what costs much work: uploads, clips, recommended tags and the map.",
    )
    rate_limit_exempt: str = Field(
        default="",
        description="Networks that may send any number, with commas between them: those of an app's own servers.",
    )
    trusted_proxies: str = Field(
        default="127.0.0.1",
        description="Addresses of reverse proxies, with commas between them, whose X-Forwarded-For says who asks; "
        "* for all, the word none for no proxy.",
    )
    event_streams: int = Field(
        default=200, ge=1, description="Streams of `GET /tracks/{track_id}/events` that one process keeps open."
    )
    event_streams_per_address: int = Field(
        default=20,
        ge=1,
        description="Those of them that one address may have; one more gets 429. "
        "Networks of RATE_LIMIT_EXEMPT may have any number of them.",
    )
    database_pool_size: int = Field(
        default=16,
        ge=5,
        le=1000,
        description="Connections that the web process keeps open to Postgres, divided among kinds of requests.",
    )
    search_statement_timeout_seconds: float = Field(
        default=3.0, gt=0, le=3600, description="How long the statement of a search may take. Past it: 503."
    )
    statement_timeout_seconds: float = Field(
        default=10.0,
        gt=0,
        le=3600,
        description="How long any other statement of the web process may take. Past it: 503.",
    )
    write_lock_timeout_seconds: float = Field(
        default=3.0,
        gt=0,
        le=3600,
        description="How long a change over HTTP waits for another change of the same rows. Past it: 503.",
    )

    @property
    def clap_audio_origin_list(self) -> tuple[str, ...]:
        """The entries of CLAP_AUDIO_ORIGINS."""
        return tuple(origin.strip() for origin in self.clap_audio_origins.split(",") if origin.strip())

    @property
    def decoder_limits(self) -> DecoderLimits:
        """What decoding one file may take."""
        return DecoderLimits(
            seconds=self.decoder_max_seconds,
            memory=self.decoder_max_bytes,
            work_per_second=self.decoder_work_per_second,
        )

    @property
    def run_options(self) -> RunOptions:
        """How models run in this process."""
        return RunOptions(
            threads=self.model_threads,
            batch_windows=self.model_batch_windows,
            text_idle_seconds=self.text_model_idle_seconds,
            audio_idle_seconds=self.audio_model_idle_seconds,
            device=self.model_device,
            decoder=self.decoder_limits,
        )

    @property
    def installed_models_dir(self) -> Path:
        """Where installed models lie."""
        return self.models_dir or self.data_dir / "models"

    @property
    def postgres_dir(self) -> Path:
        """Data folder of the embedded Postgres."""
        return self.data_dir / "postgres"

    @property
    def audio_dir(self) -> Path:
        """Folder of the local audio store."""
        return self.data_dir / "audio"


@cache
def get_settings() -> Settings:
    """The settings of this process, read once.

    Raises:
        UserError: A value is not allowed; the message names each variable.
    """
    try:
        return Settings()
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise UserError(wrong) from error
