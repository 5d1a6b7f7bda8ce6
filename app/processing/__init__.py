"""Work on the tracks of a catalogue: jobs, backfills, calibration, the map, model switches, audits, the queue."""
