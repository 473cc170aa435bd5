"""The experiment: the same songs, seeds, steps and budget for each way of teaching time, and what comes of it."""
