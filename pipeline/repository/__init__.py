"""The repository that runs work on: its graph, parameters, work trees and DVC cache.

Not called dvc: Prefect puts the folder of a flow first on the path, where it would hide that package.
"""
