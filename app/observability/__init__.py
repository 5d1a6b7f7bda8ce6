"""What a process tells of itself: its log and its traces; metrics are in `services.metrics`."""
