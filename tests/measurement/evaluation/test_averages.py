"""Means and their intervals, against a bootstrap written out, and by how often they are right."""

from __future__ import annotations

import numpy as np
import pytest

from samara.measurement.evaluation.averages import average


def test_objects_count_within_a_source_and_sources_within_a_domain():
    values = {"a": [[1.0, 0.0, 0.0], [1.0]], "b": [[0.0], [0.2], []], "c": [[], []], "d": []}
    means = average(values, 0)
    assert set(means) == {"a", "b", None}
    assert means["a"].value == pytest.approx(0.5)
    assert means["b"].value == pytest.approx(0.1)
    assert means[None].value == pytest.approx(0.3)
    assert [(means[name].objects, means[name].images) for name in ("a", "b", None)] == [(4, 2), (2, 2), (6, 4)]


def test_nothing_has_no_mean():
    assert average({}, 0) == average({"a": [[]]}, 0) == {}


def test_one_image_says_nothing_about_others():
    means = average({"a": [[0.1, 0.9]], "b": [[0.1], [0.3]]}, 0)
    assert means["a"].interval is None
    assert means["b"].interval is not None
    assert means[None].interval is None


def bootstrap_by_hand(sources, draws=4000):
    """Percentiles of means of drawn images, in plain loops."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(draws):
        means = []
        for images in sources:
            drawn = [images[rng.integers(len(images))] for _ in images]
            means.append(np.mean(np.concatenate(drawn)))
        found.append(np.mean(means))
    return np.percentile(found, (2.5, 97.5))


def test_intervals_are_those_of_drawn_images():
    rng = np.random.default_rng(0)
    # The objects of an image are alike, and images have few or many.
    sources = {
        name: [rng.normal(rng.random(), 0.05, int(rng.integers(1, 12))) for _ in range(15)] for name in ("a", "b")
    }
    means = average(sources, 0)
    for name, images in (("a", [sources["a"]]), ("b", [sources["b"]]), (None, list(sources.values()))):
        low, high = bootstrap_by_hand(images)
        width = high - low
        assert means[name].interval.low == pytest.approx(low, abs=0.08 * width)
        assert means[name].interval.high == pytest.approx(high, abs=0.08 * width)
        assert means[name].interval.kind == "95 % bootstrap"
        assert low < means[name].value < high


def test_sources_are_drawn_independently():
    """Two sources with the same numbers: drawn together the mean of both would be as uncertain as one of them."""
    images = [[0.0], [1.0]] * 20
    means = average({"a": images, "b": images}, 0)

    def width(name):
        return means[name].interval.high - means[name].interval.low

    assert width(None) == pytest.approx(width("a") / np.sqrt(2), rel=0.15)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    held = 0
    for run in range(200):
        images = [rng.normal(rng.normal(0.5, 0.2), 0.1, 3) for _ in range(40)]
        interval = average({"a": images}, run)["a"].interval
        held += interval.low <= 0.5 <= interval.high
    assert 0.89 <= held / 200 <= 0.99


def test_the_seed_makes_it_repeatable():
    values = {"a": [[0.1], [0.4], [0.9]]}
    assert average(values, 0) == average(values, 0)
