"""Options of the body model."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from hanet.options import Section

SYNTHETIC = "synthetic"
"""The synthetic body of this package, see `hanet.smpl.synthetic_body`."""


class BodyFile(Section):
    """The body model: `synthetic`, or the path of the user's licensed file.

    `joints` are the scored joints; lsp14 are regressed from the vertices by the file `h36m_regressor`; the
    synthetic body has its own regressor.
    """

    model: str
    h36m_regressor: str | None = None
    joints: Literal["smpl24", "lsp14"] = "smpl24"

    @model_validator(mode="after")
    def _regressor(self) -> BodyFile:
        if self.model == SYNTHETIC and self.h36m_regressor is not None:
            raise ValueError("the synthetic body has its own regressor; leave h36m_regressor out")
        if self.model != SYNTHETIC and self.joints == "lsp14" and self.h36m_regressor is None:
            raise ValueError("joints: lsp14 needs h36m_regressor, the path of J_regressor_h36m.npy")
        return self
