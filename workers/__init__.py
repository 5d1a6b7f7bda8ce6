"""The job queue: a procrastinate app and one module a family of tasks."""
