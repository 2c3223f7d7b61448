"""Silence for other libraries, for as long as it was asked for and no longer."""

import logging

import pytest
from transformers.utils import logging as transformers_logging

from learner.quiet import quiet


def test_advice_is_silenced_while_it_lasts_and_our_own_warnings_never(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bars = transformers_logging.is_progress_bar_enabled()
    with quiet():
        logging.getLogger().warning("advice of a library")
        logging.getLogger("learner").warning("a warning of ours")
        logging.getLogger().error("an error")
        assert not transformers_logging.is_progress_bar_enabled()
    logging.getLogger().warning("later")
    assert caplog.messages == ["a warning of ours", "an error", "later"]
    assert transformers_logging.is_progress_bar_enabled() == bars
