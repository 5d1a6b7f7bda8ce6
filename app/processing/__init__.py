"""Work on the tracks of a catalogue: switching models, backfills, audits, and the state of the queue."""
