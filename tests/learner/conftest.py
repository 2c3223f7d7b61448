"""What the learner's tests share: a tiny encoder, made once a session."""

from pathlib import Path

import pytest
import tiny_encoder as tiny

from learner import encoders
from learner.encoders import Encoder


@pytest.fixture(scope="session")
def tiny_encoder_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain Hugging Face folder."""
    return tiny.build(tmp_path_factory.mktemp("source") / "tiny")


@pytest.fixture(scope="session")
def encoders_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stands for an instance's folder of encoders."""
    return tmp_path_factory.mktemp("encoders")


@pytest.fixture(scope="session")
def tiny_encoder(encoders_root: Path, tiny_encoder_folder: Path) -> Encoder:
    """The tiny encoder, added under `encoders_root` as `tiny`."""
    return encoders.add(encoders_root, str(tiny_encoder_folder))
