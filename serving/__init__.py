"""Serving: a song over HTTP. What a request may say, what an answer holds, whose turn it is."""
