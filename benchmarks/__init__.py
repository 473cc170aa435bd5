"""Measurements: each `python -m benchmarks.NAME` measures one claim and writes `benchmarks/results/NAME.json`."""
