"""The console that long work reports to: notes, progress bars, tables."""

from rich.console import Console

console = Console(highlight=False, soft_wrap=True)
