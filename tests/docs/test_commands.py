"""Every command, option, target, module, experiment and key that a page names exists; see `shell_checks`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.shell_checks import WrongLineError, check
from tests.support.shell_lines import PAGES, commands_in_text, shell_blocks


def lines(page: Path) -> list[str]:
    """A page's shell lines, of its blocks and of its text."""
    return [
        *(line for block in shell_blocks() if block.page == page for line in block.lines),
        *commands_in_text(page),
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page: Path) -> None:
    for line in lines(page):
        check(line)


def test_the_pages_hold_commands() -> None:
    found = [line for page in PAGES for line in lines(page)]
    assert len([line for line in found if line.startswith("hanet ")]) > 40
    assert len([line for line in found if line.startswith("make ")]) > 60


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("hanet rafine x", "no command"),
        ("hanet refine x.parquet --modle m", "no option --modle"),
        ("make reproduce-all", "no target"),
        ("make run EXPRIMENT=x", "no variable EXPRIMENT"),
        ("make run EXPERIMENT=clips-fnc", "no experiment is called"),
        ("make run EXPERIMENT=clips-fcn MODELS=hanett", "hanett"),
        ("make run EXPERIMENT=clips-fcn SET=train.device=2", "no key 'device'"),
        ("python -m stages.nothing", "no module"),
        ("python -m stages.record clips-fcn --into x", "python -m stages.record"),
        ("python -m stages.train clips-fcn hanett 1", "no model 'hanett'"),
        ("python -m docs.tools.article x", "takes no arguments"),
        ("dvc rerpo", "dvc does not take"),
        ("dvc exp run -S models.hanet.model.hiden=64", "no key 'hiden'"),
        ("dvc repro trian@clips-fcn", "no stage"),
        ("git chekout params.yaml", "no command"),
        ("pip install 'hanet[formatz]'", "no extra formatz"),
        ("mlflow server --hots x", "no option --hots"),
        ("export HANET_NOTHING=1", "nothing here reads"),
        ("apt install hanet", "no check knows"),
    ],
)
def test_a_wrong_line_is_found(line: str, message: str) -> None:
    with pytest.raises((WrongLineError, ValueError), match=message):
        check(line)
