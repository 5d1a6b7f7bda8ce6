"""Tests of search beside a catalogue that an application has already."""
