"""Running models: ONNX Runtime sessions, their options, idling and caching."""
