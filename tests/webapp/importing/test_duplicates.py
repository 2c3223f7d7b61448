import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.importing import near_duplicate_key, text_hash


def test_the_hash_is_of_exactly_the_text() -> None:
    assert text_hash("好 ") == hashlib.sha256("好 ".encode()).digest()
    assert text_hash("good") != text_hash("good ")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Good product!", "good  product"),
        ("It&#39;s great &amp; cheap", "its great, cheap"),
        ("first line<br />second line", "First line. Second line"),
        ("质量很好！！！", "质量很好"),
        ("ＡＢＣ１２３", "abc123"),
        ("STRASSE", "Straße"),
        ("good ❤️", "good ❤"),
    ],
)
def test_near_duplicates_share_a_key(one: str, other: str) -> None:
    assert near_duplicate_key(one) == near_duplicate_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("good", "not good"), ("ok 👍", "ok 👎"), ("!!!", "???"), ("5 stars", "1 stars"), ("अच्छा", "अच्छी")],
)
def test_texts_that_mean_something_else_do_not(one: str, other: str) -> None:
    assert near_duplicate_key(one) != near_duplicate_key(other)


@given(st.text())
def test_case_and_outer_spaces_never_matter(text: str) -> None:
    assert near_duplicate_key(text) == near_duplicate_key(f" {text}\n") == near_duplicate_key(text.casefold())
