"""Whatever people paste becomes token ids, and batches keep to their budget."""

import pytest

from learner import tokens
from learner.encoders import Encoder


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("\ud83d\ude00", "😀"),
        ("a\ud800b", "a\ufffdb"),
        ("nul\0nul", "nulnul"),
        ("", ""),
    ],
)
def test_any_text_becomes_valid_unicode(text: str, expected: str) -> None:
    assert tokens.readable(text) == expected


@pytest.mark.parametrize("text", ["", "👍👍👍", "\ud800", "\0", "x" * 100_000, "好 " * 50_000, " " * 100_000])
@pytest.mark.timeout(30)
def test_every_text_is_read_soon_and_within_the_limit(tiny_encoder: Encoder, text: str) -> None:
    (ids,) = tokens.reader(tiny_encoder)([text])
    assert 2 <= len(ids) <= tiny_encoder.settings.max_length


def test_padding_is_masked(tiny_encoder: Encoder) -> None:
    ids, mask = tokens.reader(tiny_encoder).pad([[2, 9, 3], [2, 3]])
    assert ids.tolist() == [[2, 9, 3], [2, 3, 0]]
    assert mask.tolist() == [[1, 1, 1], [1, 1, 0]]


def test_batches_hold_every_text_once_within_the_budget() -> None:
    lengths = [(7 * n) % 53 + 1 for n in range(200)]
    groups = tokens.batches(lengths, 128, 16)
    assert sorted(index for group in groups for index in group) == list(range(200))
    assert all(len(group) <= 16 for group in groups)
    assert all(len(group) == 1 or len(group) * max(lengths[i] for i in group) <= 128 for group in groups)


def test_a_text_longer_than_the_budget_gets_a_batch_of_its_own() -> None:
    assert tokens.batches([500, 3, 4], 128, 16) == [[0], [2, 1]]
