"""Pickles of every sort that loaders of models have met, each with something inside that would show if it ran."""

import pickle
import zipfile
from pathlib import Path

import numpy as np
import torch


class Canary:
    """Leaves a file behind if anything ever unpickles it."""

    def __init__(self, touched: Path) -> None:
        self.touched = touched

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.touched,)


def plain_pickle(path: Path, canary: Canary) -> None:
    path.write_bytes(pickle.dumps(canary))


def first_pickle(path: Path, canary: Canary) -> None:
    path.write_bytes(pickle.dumps(canary, protocol=0))


def torch_zip(path: Path, canary: Canary) -> None:
    torch.save({"weight": canary}, path)


def torch_legacy(path: Path, canary: Canary) -> None:
    torch.save({"weight": canary}, path, _use_new_zipfile_serialization=False)


def numpy_objects(path: Path, canary: Canary) -> None:
    with path.open("wb") as file:
        np.save(file, np.array([canary], dtype=object), allow_pickle=True)


def numpy_archive(path: Path, canary: Canary) -> None:
    with path.open("wb") as file:
        np.savez(file, weight=np.array([canary], dtype=object))


def keras_zip(path: Path, canary: Canary) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("data.pkl", pickle.dumps(canary))


PICKLES = (plain_pickle, first_pickle, torch_zip, torch_legacy, numpy_objects, numpy_archive, keras_zip)
