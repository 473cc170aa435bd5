"""The model layer: ACE-Step checkpoints, the starter model, and timed-event conditioning."""
