"""Audio files become waveforms, in a process of their own, and waveforms become windows."""
