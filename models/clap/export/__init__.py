"""A CLAP checkpoint exported to ONNX. Needs the extra `export`; nothing that serves imports it."""
