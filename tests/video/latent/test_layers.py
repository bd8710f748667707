"""What moves as a whole, and where things are, at small size: shifts are exact, and both are learned."""

from __future__ import annotations

import torch
from torch import Tensor

from video.latent.copying import coordinates
from video.latent.layers import Layers, shifted
from video.latent.points import Points

SIZE = 12
WHERE = coordinates(SIZE, SIZE)


def dots(rng: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
    """Pictures [count, 2, 12, 12] of two things of 2x2 cells, one a channel, and the cells [count, 2] (y, x)
    where that of the first channel begins."""
    at = torch.randint(2, 8, (count, 2, 2), generator=rng)
    pictures = torch.zeros(count, 2, SIZE, SIZE)
    for i, things in enumerate(at.tolist()):
        for channel, (y, x) in enumerate(things):
            pictures[i, channel, y : y + 2, x : x + 2] = 1.0
    return pictures, at[:, 0]


def test_a_picture_is_shifted_by_whole_cells_and_nothing_comes_from_beyond_the_edge() -> None:
    picture = torch.randn(1, 3, SIZE, SIZE)
    moved = shifted(picture[:, None], torch.tensor([[[2 * 2 / SIZE, -2 / SIZE]]]))[:, 0]
    torch.testing.assert_close(moved[..., :-1, 2:], picture[..., 1:, :-2])
    assert not moved[..., -1, :].any() and not moved[..., :2].any()


def test_what_is_sent_somewhere_is_found_there_and_the_rest_stays() -> None:
    """The thing of the first channel goes where it is sent and is gone where it was; the other one, as like,
    stays."""
    rng = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    layers, named = Layers(2, 8, 16, WHERE.shape[1], 2), torch.ones(32, 8)
    optimizer = torch.optim.AdamW(layers.parameters(), 1e-2)
    share = 1.0
    for _ in range(220):
        first, _ = dots(rng, 32)
        sent = torch.rand(32, 4, 2, generator=rng) * 4 - 2
        truth = shifted(first[:, None, :1].expand(-1, 4, -1, -1, -1), sent * 2 / SIZE)
        change, _ = layers(first, named, sent, WHERE)
        moves = truth - first[:, None, :1]
        loss = ((change[:, :, :1] - moves) ** 2).mean() + (change[:, :, 1:] ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        share = float(loss.detach() / (moves**2).mean())
    assert share < 0.25, f"{share:.2f} of the error of a thing that stays"


def test_points_tell_where_a_thing_is() -> None:
    rng = torch.Generator().manual_seed(1)
    torch.manual_seed(1)
    points, level = Points(2, SIZE, SIZE, condition=3, maps=4), torch.zeros(32, 3)
    read = torch.nn.Linear(points.size, 2)
    optimizer = torch.optim.AdamW([*points.parameters(), *read.parameters()], 1e-2)
    for _ in range(150):
        pictures, at = dots(rng, 32)
        loss = ((read(points(pictures, level)) - at / SIZE) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    pictures, at = dots(rng, 32)
    off = (read(points(pictures, level)) * SIZE - at).abs().mean()
    assert off < 0.5, f"{off:.2f} cells"


def test_what_nobody_knows_the_way_of_is_not_drawn_anywhere() -> None:
    """A frame's token says how sure a way is; that of the sketch, which has no tokens, always is."""
    torch.manual_seed(2)
    layers, first = Layers(2, 8, 16, WHERE.shape[1], 2), torch.randn(3, 2, SIZE, SIZE)
    named, sent, tokens = torch.randn(3, 8), torch.randn(3, 4, 2), torch.zeros(3, 4, 8)
    whole = layers(first, named, sent, WHERE)[1]
    torch.testing.assert_close(layers(first, named, sent, WHERE, tokens)[1], whole, atol=0.02, rtol=0.02)
    torch.nn.init.constant_(layers.sure.weight, -9.0)
    tokens[:, 2] = 1.0
    masks = layers(first, named, sent, WHERE, tokens)[1]
    assert masks[:, 2].max() < 1e-3
    torch.testing.assert_close(masks[:, 1], whole[:, 1], atol=0.02, rtol=0.02)
