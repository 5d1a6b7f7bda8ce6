"""The web process: the application, what requests pass through, and the endpoints."""
