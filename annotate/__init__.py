"""Annotation: songs on disk, their waveforms, and the timeline on which a person marks their sections."""
