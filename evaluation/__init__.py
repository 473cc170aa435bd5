"""Evaluation: how well a song's heard structure matches the one asked for."""
