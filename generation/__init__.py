"""Generation: a structure in words becomes a song and the sidecar that says how it was made."""
