"""Which card a run would get: the one that CUDA numbers so, whatever else is in the machine."""

from pathlib import Path

import pytest

from training import machine
from training.machine import find_device

LISTED = """0, GPU-aaaa1111, NVIDIA L4, 23034, 20000
1, GPU-bbbb2222, NVIDIA H100 80GB HBM3, 81559, 80000
"""


@pytest.fixture
def two_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose driver lists two cards, and a torch that can use them."""
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{LISTED}END\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(machine, "_torch_has_cuda", lambda: True)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.parametrize(
    ("visible", "asked", "name"),
    [
        (None, "auto", "NVIDIA H100 80GB HBM3"),
        (None, "cuda:1", "NVIDIA L4"),
        ("1", "auto", "NVIDIA L4"),
        ("1,0", "cuda:1", "NVIDIA H100 80GB HBM3"),
        ("GPU-aaaa", "cuda", "NVIDIA L4"),
        ("MIG-cccc3333", "auto", "NVIDIA H100 80GB HBM3"),
        (None, "cuda:9", "NVIDIA L4"),
        ("", "auto", "this machine"),
        ("7,0", "auto", "this machine"),
    ],
)
def test_a_card_is_counted_as_cuda_counts_it(
    visible: str | None, asked: str, name: str, two_cards: None, monkeypatch: pytest.MonkeyPatch
):
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert find_device(asked).name == name


def test_a_card_is_counted_as_the_driver_does_where_that_is_asked(two_cards: None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    assert find_device("auto").name == "NVIDIA L4"


def test_its_memory_is_what_the_driver_says(two_cards: None):
    card = find_device("cuda:0")
    assert (card.memory, card.free) == (81559 * 2**20, 80000 * 2**20)
