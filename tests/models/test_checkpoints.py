"""Released checkpoints and our own: what is read, what is refused and in which words."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from hanet.models.checkpoints import load, load_released, read_metadata, released_names, save
from hanet.models.deciwatch import DeciWatch, DeciWatchConfig
from hanet.models.hanet import HANet, HANetConfig
from hanet.models.smoothnet import SmoothNet, SmoothNetConfig

CONFIG = HANetConfig(channels=4, interval=2, window=5, hidden=8, layers=2, heads=2)
POST_NORM = HANetConfig(channels=4, interval=2, window=5, hidden=8, layers=2, heads=2, pre_norm=False)


def model_of(config: HANetConfig = CONFIG, seed: int = 0) -> HANet:
    torch.manual_seed(seed)
    return HANet(config).eval()


def released_state(model: HANet) -> dict[str, Tensor]:
    """What the authors' implementation would have saved, unread tensors and kernel axes included."""
    own, state = model.state_dict(), {}
    for name, parts in released_names(model).items():
        tensor = torch.cat([own[part] for part in parts])
        if name.endswith("embed.weight") and tensor.ndim == 1:
            tensor = tensor[:, None, None]
        if "offset_refine" in name and tensor.ndim == 2:
            tensor = tensor[:, :, None]
        state[name] = tensor
    state |= {
        "transformer.projection.1.weight": torch.ones(32, 16),
        "transformer.projection.1.bias": torch.ones(32),
    }
    if model.config.pre_norm:
        for i, width in enumerate((8, 16)):
            norm = f"transformer.encoder_norm.{i}"
            state |= {f"{norm}.weight": torch.ones(width), f"{norm}.bias": torch.zeros(width)}
    return state


def assert_same(a: HANet, b: HANet) -> None:
    assert a.config == b.config
    for (name, ours), (other, theirs) in zip(a.state_dict().items(), b.state_dict().items(), strict=True):
        assert name == other
        assert torch.equal(ours, theirs), name


# Released


@pytest.mark.parametrize("config", [CONFIG, POST_NORM])
@pytest.mark.parametrize("prefix", ["transformer.", "module.transformer.", "module.", ""])
def test_released_names_with_any_prefix(config, prefix):
    model = model_of(config)
    state = {name.replace("transformer.", prefix): tensor for name, tensor in released_state(model).items()}
    loaded = load_released(state, config)
    assert_same(loaded, model)
    assert not loaded.training


@pytest.mark.parametrize("wrapped", [True, False])
def test_released_file(tmp_path, wrapped):
    model = model_of()
    state = released_state(model)
    path = tmp_path / "checkpoint.pth.tar"
    torch.save({"epoch": 3, "state_dict": state} if wrapped else state, path)
    assert_same(load_released(path, CONFIG), model)
    assert_same(load_released(str(path), CONFIG), model)


class Payload:
    """Would write a file if anything unpickled it."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return Path.touch, (self.target,)


def test_a_released_file_that_would_run_code_is_refused_unread(tmp_path):
    path, target = tmp_path / "checkpoint.pth", tmp_path / "ran"
    torch.save({"state_dict": {}, "extra": Payload(target)}, path)
    with pytest.raises(ValueError, match=r"holds more than tensors .* save its state dict alone"):
        load_released(path, CONFIG)
    assert not target.exists()
    run, arguments = Payload(target).__reduce__()
    run(*arguments)
    assert target.exists()  # what an unpickler would have done


def test_released_refuses_a_list_and_a_missing_file(tmp_path):
    path = tmp_path / "list.pth"
    torch.save([1, 2], path)
    with pytest.raises(ValueError, match="holds a list, expected a mapping"):
        load_released(path, CONFIG)
    with pytest.raises(FileNotFoundError):
        load_released(tmp_path / "none.pth", CONFIG)


def test_released_problems_are_named():
    state = released_state(model_of())
    del state["transformer.encoder.0.layers.0.linear1.bias"]
    state["transformer.surprise"] = torch.zeros(1)
    state["transformer.decoder.norm.weight"] = torch.zeros(9)
    state["transformer.motion_embed.bias"] = "text"
    with pytest.raises(ValueError) as caught:
        load_released(state, CONFIG)
    for problem in (
        "transformer.encoder.0.layers.0.linear1.bias is missing",
        "transformer.surprise is unexpected",
        "transformer.decoder.norm.weight is (9,), but the configuration expects (8,)",
        "transformer.motion_embed.bias is a str, expected a tensor",
    ):
        assert problem in str(caught.value)
    assert "more" not in str(caught.value)


def test_released_of_another_configuration_is_refused():
    state = released_state(model_of())
    for changes, problem in (
        ({"pre_norm": False}, r"encoder_norm\.0\.bias is unexpected"),
        ({"hidden": 16}, r"; and \d+ more"),
        ({"layers": 3}, r"transformer\.decoder\.layers\.2.* is missing"),
        ({"layers": 1}, r"transformer\.decoder\.layers\.1.* is unexpected"),
        ({"learn_kinematics": False}, r"transformer\.acc_embed\.bias is unexpected"),
        ({"flow": False}, r"encoder_embed\.weight is \(8, 16\), but the configuration expects \(8, 4\)"),
    ):
        with pytest.raises(ValueError, match=problem):
            load_released(state, HANetConfig.from_dict(CONFIG.to_dict() | changes))
    with pytest.raises(ValueError, match=r"encoder_norm\.0\.bias is missing"):
        load_released(released_state(model_of(POST_NORM)), CONFIG)


# Our own


def test_round_trip(tmp_path):
    model = model_of(
        HANetConfig.from_dict(CONFIG.to_dict() | {"output_smoothing": 1.5, "flow": False})
    ).train()
    save(model, tmp_path / "a" / "b", metadata={"epoch": 3, "split": "validation"})
    loaded = load(tmp_path / "a" / "b")
    assert_same(loaded, model)
    assert not loaded.training
    assert read_metadata(tmp_path / "a" / "b") == {"epoch": 3, "split": "validation"}
    x = torch.randn(2, 5, 4)
    assert torch.equal(loaded(x).decoder_pose, model.eval()(x).decoder_pose)


def test_saving_again_replaces_and_leaves_two_files(tmp_path):
    save(model_of(seed=1), tmp_path, metadata={"epoch": 1})
    save(model_of(seed=2), tmp_path)
    assert_same(load(tmp_path), model_of(seed=2))
    assert read_metadata(tmp_path) == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.safetensors"]


def test_same_model_same_bytes(tmp_path):
    for name in "ab":
        save(model_of(), tmp_path / name, metadata={"z": 1, "a": 2})
    for file in ("model.json", "model.safetensors"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize(
    ("metadata", "error"), [({"p": Path()}, TypeError), ({"score": float("nan")}, ValueError)]
)
def test_metadata_that_is_no_json_writes_nothing(tmp_path, metadata, error):
    save(model_of(seed=1), tmp_path)
    with pytest.raises(error):
        save(model_of(seed=2), tmp_path, metadata=metadata)
    assert_same(load(tmp_path), model_of(seed=1))


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path, monkeypatch):
    save(model_of(seed=1), tmp_path)

    def full_disk(path: Path, content: bytes) -> int:
        path.touch()
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(OSError, match="no space left"):
        save(model_of(seed=2), tmp_path)
    monkeypatch.undo()
    assert_same(load(tmp_path), model_of(seed=1))
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "model",
    [
        DeciWatch(DeciWatchConfig(6, interval=2, window=5, hidden=8, encoder_layers=1, decoder_layers=1)),
        SmoothNet(SmoothNetConfig(window=5, hidden=8, residual_hidden=4)),
    ],
    ids=["deciwatch", "smoothnet"],
)
def test_the_other_networks_come_back_as_what_they_are(tmp_path, model):
    save(model, tmp_path, metadata={"seed": 1})
    found = load(tmp_path)
    assert type(found) is type(model) and found.config == model.config and not found.training
    for name, tensor in model.state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor)
    change_description(tmp_path, network="resnet")
    with pytest.raises(ValueError, match="unknown network 'resnet'; known: hanet, deciwatch, smoothnet"):
        load(tmp_path)


@pytest.mark.parametrize("file", ["model.json", "model.safetensors"])
def test_a_missing_file_is_named(tmp_path, file):
    save(model_of(), tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(FileNotFoundError, match=rf"{file} is missing: a checkpoint is a folder with"):
        load(tmp_path)


def change_description(folder: Path, **changes: object) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_refuses_another_version_a_key_it_lacks_and_unknown_settings(tmp_path):
    save(model_of(), tmp_path)
    change_description(tmp_path, format_version=3)
    with pytest.raises(ValueError, match="has format version 3, this package reads 1 to 2"):
        load(tmp_path)
    change_description(tmp_path, format_version=2, config={"d": 1})
    with pytest.raises(ValueError, match="; d: unknown key; known here"):
        load(tmp_path)
    (tmp_path / "model.json").write_text('{"format_version": 2, "config": {}}')
    with pytest.raises(ValueError, match="lacks network, weights_sha256, metadata"):
        read_metadata(tmp_path)


def test_refuses_weights_of_another_description(tmp_path):
    save(model_of(seed=1), tmp_path / "a")
    save(model_of(seed=2), tmp_path / "b")
    (tmp_path / "a" / "model.safetensors").replace(tmp_path / "b" / "model.safetensors")
    with pytest.raises(ValueError, match=r"is not the file that model\.json describes"):
        load(tmp_path / "b")


def test_refuses_tensors_that_do_not_fit(tmp_path):
    save(model_of(), tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    del tensors["decoder.norm.bias"]
    tensors |= {"surprise": torch.zeros(1), "decoder.norm.weight": torch.zeros(3)}
    save_file(tensors, path)
    change_description(tmp_path, weights_sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(ValueError) as caught:
        load(tmp_path)
    for problem in (
        "decoder.norm.bias is missing",
        "surprise is unexpected",
        "decoder.norm.weight is (3,), but the configuration expects (8,)",
    ):
        assert problem in str(caught.value)
