"""Property tests draw the same examples on every machine, and a busy machine fails none of them."""

from hypothesis import settings

settings.register_profile("studio", derandomize=True, deadline=None, database=None)
settings.load_profile("studio")
