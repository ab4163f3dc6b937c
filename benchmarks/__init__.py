"""Benchmarks: how fast the simulator is, how its cost grows, and how far it is from what the machine can do.

Run them with `python -m benchmarks`; docs/performance.md says how to read what they print.
"""
