"""Training: a dataset of songs with timed events becomes an event LoRA.

`settings.py` says what a run is, `dataset.py` what there is to learn from, `latents.py` keeps the encoded audio,
`training_set.py`, `crops.py` and `batch.py` make training examples, `preparing.py` and `loop.py` train, `checkpoint.py`
loses nothing. `runs.py` starts and watches runs as processes of their own, `line.py` lets them wait their turn,
`shelf.py`, `again.py` and `comparing.py` rename, repeat and compare them, and `tab.py` with its panels shows all that.
`model_card.py` says what came of a run, `hub.py` sends it, `hub_dataset.py` brings songs, `trackers.py` sends metrics
on. Nothing imported here brings torch; `loop.py` and below do.
"""

import acestep  # noqa: F401  before torch: how its threads wait is settled there
