"""Stand-ins for what is outside, encoders, and rows to test with."""
