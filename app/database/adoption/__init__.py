"""Search beside a catalogue that an application already has."""
