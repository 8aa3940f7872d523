"""Networks to train: their shape, training and use; ablations of one of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from hanet.files.explain import explain
from hanet.models.options import CONFIGS, Config
from hanet.options import Section
from hanet.training.options import TrainingOptions
from stages.params.names import Name
from stages.params.presets import merge

ABLATED = "hanet-paper"
"""The model that ablations change."""


class Use(Section):
    """How a trained network is used, see `LearnedMethod`."""

    stride: int = Field(ge=1)
    phases: Annotated[tuple[int, ...], Field(min_length=1)] = (0,)
    mirror_axis: Literal[0, 1, 2] | None = None


class Refine(Use):
    """How a trained network is used, and other uses of the same weights, each a row of its own."""

    variants: dict[Name, Use] = Field(default_factory=dict)

    def uses(self, name: str) -> Iterator[tuple[str, Use]]:
        """Each row's name and how the network is used for it; the model's own, called `name`, first."""
        yield name, Use(**self.model_dump(exclude={"variants"}))
        yield from self.variants.items()


class Model(Section):
    """One network to train: its shape (without channels, which the data give), its training, its use."""

    network: Literal["hanet", "deciwatch", "smoothnet", "mlp", "tcn"] = "hanet"
    model: dict[str, Any]
    training: TrainingOptions
    refine: Refine

    @field_validator("training", mode="before")
    @classmethod
    def _training(cls, value: Any) -> Any:
        if isinstance(value, dict) and "seed" in value:
            raise ValueError("seed comes from run.seeds; remove it here")
        return value

    @field_validator("model")
    @classmethod
    def _model(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if "channels" in value:
            raise ValueError("channels follow from the data; remove them here")
        if "network" in info.data:  # else it is wrong itself
            configure(info.data["network"], value, 4)
        return value

    def config(self, channels: int) -> Config:
        """The network's configuration for poses of that many channels."""
        return configure(self.network, self.model, channels)


def configure(network: str, settings: dict[str, Any], channels: int) -> Config:
    """A network's configuration, with the number of channels where it asks for one."""
    kind = CONFIGS[network]
    asks = "channels" in kind.__dataclass_fields__
    return kind.from_dict(settings | ({"channels": channels} if asks else {}))


class Ablation(Section):
    """Changes to `ABLATED`, merged into it as into a preset."""

    model: dict[str, Any] = Field(default_factory=dict)
    training: dict[str, Any] = Field(default_factory=dict)
    refine: dict[str, Any] = Field(default_factory=dict)

    def of(self, base: Model) -> Model:
        """The changed model, without variants.

        Raises:
            ValueError: one line that names all keys that do not fit.
        """
        plain = base.model_dump(mode="json")
        del plain["training"]["seed"], plain["refine"]["variants"]
        changed = merge(plain, self.model_dump(mode="json"))
        try:
            return Model.model_validate_json(json.dumps(changed), strict=True)
        except ValidationError as error:
            raise ValueError("; ".join(explain(error, Model.model_json_schema()))) from None
