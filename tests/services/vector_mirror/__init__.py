"""The mirrors: one interface, and what is turbopuffer's own."""
