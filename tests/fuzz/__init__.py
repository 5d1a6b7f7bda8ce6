"""What nobody would send, sent."""
