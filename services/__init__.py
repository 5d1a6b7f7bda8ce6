"""What lies outside the process, each behind a protocol with its implementations beside it."""
