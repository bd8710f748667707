"""Half precision only where the machine computes in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from tasks.learning.precision import fast, has_bfloat16


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    has_bfloat16.cache_clear()
    yield
    has_bfloat16.cache_clear()


def says(answer: bool) -> Callable[[], bool]:
    return lambda: answer


@pytest.mark.parametrize(("native", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_a_processor_that_only_emulates_it_computes_in_full(
    native: bool, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", says(native), raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", says(False), raising=False)
    with fast("cpu"), torch.inference_mode():
        assert torch.nn.Conv2d(3, 3, 3)(torch.zeros(1, 3, 8, 8)).dtype == dtype


def test_a_torch_that_can_not_be_asked_computes_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported", raising=False)
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported", raising=False)
    assert not has_bfloat16("cpu")


def test_the_names_are_those_of_the_torch_that_is_installed() -> None:
    # Else every processor would be taken for one that can't.
    assert callable(torch.cpu._is_avx512_bf16_supported) and callable(torch.cpu._is_amx_tile_supported)
