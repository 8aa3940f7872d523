"""The networks' options by name. `hanet.models.registry` has their modules, losses and uses."""

from __future__ import annotations

from hanet.models.deciwatch_options import DeciWatchConfig
from hanet.models.frame_options import MLPConfig, TCNConfig
from hanet.models.hanet_options import HANetConfig
from hanet.models.smoothnet_options import SmoothNetConfig

Config = HANetConfig | DeciWatchConfig | SmoothNetConfig | MLPConfig | TCNConfig
CONFIGS: dict[str, type[Config]] = {
    "hanet": HANetConfig,
    "deciwatch": DeciWatchConfig,
    "smoothnet": SmoothNetConfig,
    "mlp": MLPConfig,
    "tcn": TCNConfig,
}
"""Each network's configuration, by the network's name in params.yaml."""
