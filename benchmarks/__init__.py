"""Benchmarks: our path and its reference in one run, interleaved; the ratio is the claim."""
