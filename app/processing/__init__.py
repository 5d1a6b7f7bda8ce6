"""Work on the tracks of a catalogue: jobs, backfills, calibration, the map, switches of the model, audits, the queue."""
