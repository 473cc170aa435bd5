"""Property tests draw the same examples on every machine, and a busy machine fails none of them."""

import os

from hypothesis import settings

settings.register_profile("studio", derandomize=True, deadline=None, database=None)
settings.register_profile("trial", max_examples=1000, deadline=None, database=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "studio"))
