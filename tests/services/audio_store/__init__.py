"""Tests of services.audio_store."""
