"""What is rarely said is drawn oftener than it is said."""

from __future__ import annotations

import numpy as np

from video.latent.rarely import drawn_by_text


def test_texts_are_drawn_by_the_root_of_how_often_they_are_told() -> None:
    texts = np.repeat([0, 3, 5], [1600, 400, 100])
    moments = 10 * np.arange(len(texts))
    found = drawn_by_text(moments, texts, np.random.default_rng(0))(14_000)
    assert not (found % 10).any() and len(np.unique(found)) > 1500, "any moment of a text alike"
    shares = np.bincount(texts[found // 10])[[0, 3, 5]] / len(found)
    np.testing.assert_allclose(shares, np.array([40, 20, 10]) / 70, atol=0.02)


def test_as_they_are_told() -> None:
    texts = np.repeat([0, 1], [90, 10])
    found = drawn_by_text(np.arange(100), texts, np.random.default_rng(0), share=1.0)(10_000)
    assert abs(texts[found].mean() - 0.1) < 0.02
