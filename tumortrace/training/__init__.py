"""Runs: the loop that trains, the folder it writes, the process it lives in."""
