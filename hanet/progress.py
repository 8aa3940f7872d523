"""The console for notes, progress bars and tables of long work."""

from rich.console import Console

console = Console(highlight=False, soft_wrap=True)
