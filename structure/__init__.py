"""What a song's structure is: events, sidecars, the structure language, the frame plan. Pure Python and NumPy."""
