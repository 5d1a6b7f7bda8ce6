"""Work on the tracks of a catalogue: embedding, genres, switching models, backfills, audits and the queue."""
