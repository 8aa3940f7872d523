"""Runs of the DVC graph from Prefect's pages: what is run, where, and that nothing outlives its run.

DVC alone decides what is out of date; nothing here knows the science. Imports point down: `serve`,
`ablation` → `flows` → `scheduler`, `results` → `work_trees`, `processes`, `graph`.
"""
