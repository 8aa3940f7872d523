"""Rows of an experiment besides filters and networks: a linear map per frame, a filter after every row."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from hanet.methods.names import AFTER_GENERAL, FILTERED
from hanet.options import Section, once
from stages.params.names import Name


class Ridge(Section):
    """The linear map per frame, see `hanet.methods.ridge`.

    Attributes:
        alpha: penalties to try on the validation split.
        copies: augmented copies of each frame.
        like: the model whose augmentation and mirror axis it takes, where the experiment has it.
    """

    alpha: Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1), AfterValidator(once)]
    copies: int = Field(default=0, ge=0)
    like: Name | None = None


class Comparators(Section):
    """What an experiment has besides filters and trained networks.

    Attributes:
        ridge: the row `frame_ridge`; None for none.
        general: the row `general`, the general refiner of the package, which has seen none of the data; and
            after every fitted or trained row another one, `<row>-general`, with it.
        post_filter: widths of a Gaussian in frames (0: no filter), tried on the validation split after every
            fitted or trained row. The best gives it another row, `<row>-filtered`; empty for none.
    """

    ridge: Ridge | None = None
    general: bool = False
    post_filter: Annotated[list[Annotated[float, Field(ge=0)]], AfterValidator(once)] = Field(
        default_factory=list
    )

    def rows(self) -> list[str]:
        """Names of the rows that are fitted."""
        return ["constant_offset", *(["frame_ridge"] if self.ridge else [])]

    def endings(self) -> list[str]:
        """What a fitted or trained row's name ends with: the row itself, and with what follows it."""
        return ["", *([FILTERED] if self.post_filter else []), *([AFTER_GENERAL] if self.general else [])]
