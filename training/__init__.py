"""Training: a dataset of songs with timed events becomes an event LoRA.

`settings.py` says what a run is, `dataset.py` what there is to learn from, `latents.py` keeps the encoded audio,
`training_set.py`, `crops.py` and `batch.py` make training examples, `preparing.py` and `loop.py` train, `checkpoint.py`
loses nothing, `runs.py` starts and watches runs as processes of their own, and `tab.py` shows all that. Nothing
imported here brings torch; `loop.py` and below do.
"""

import acestep  # noqa: F401  before torch: how its threads wait is settled there
