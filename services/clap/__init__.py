"""The CLAP service: a model that is asked over HTTP, anywhere (`server`) or on Modal (`app`)."""
