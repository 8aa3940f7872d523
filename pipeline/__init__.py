"""Prefect flows that run the DVC graph: what runs, where, and that no process outlives its run.

DVC alone decides what is out of date; no module here knows the science. Layers, highest first (import-linter
checks them):

- `ablation`, `reproduce`: the flows.
- `scheduler`: runs the graph's stages in order.
- `stage`: one stage as a Prefect task. `node`: stages on another machine. `results`: artifacts of a run.
- `work`: what the stages of a run share.
- `server`: Prefect's server, work pools and workers; who may reach them; runs whose process has died.
- `dvc`: the graph, parameters, git work trees and DVC's cache.
- `processes`: child processes and file locks.
"""
