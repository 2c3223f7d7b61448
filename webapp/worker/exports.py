"""Exports of models: the learner writes a folder, people download it as one archive."""

import shutil
import tempfile
from pathlib import Path

from sqlite_utils import Database

from learner.errors import ExportError
from learner.evaluation import Metric
from learner.export.huggingface import export_huggingface
from learner.export.model_card import CardFacts
from learner.export.onnx import export_onnx
from learner.progress import Progress, silent
from webapp.store import jobs, model_versions, projects, work
from webapp.store.model_versions import ModelVersion
from webapp.store.projects import Project

TEMPORARY = ".export-"
FORMATS = ("onnx", "onnx-int8", "hf")


def run(db: Database, instance: Path, claim: work.Claim, progress: Progress) -> None:
    """Run a claimed export job; the archive appears whole or not at all."""
    job = jobs.get(db, claim.id)
    version = model_versions.get(db, job.payload["version"])
    project = projects.get(db, version.project_id)
    name = f"winnow-model-{version.id}-{job.payload['format']}-{job.id}"
    exports = instance / "exports"
    exports.mkdir(exist_ok=True)
    for left in exports.glob(f"{TEMPORARY}{job.id}-*"):  # by an attempt that was killed
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{TEMPORARY}{job.id}-", dir=exports) as temporary:
        folder = Path(temporary) / name
        write(db, instance, project, version, job.payload["format"], folder, progress)
        made = Path(shutil.make_archive(str(Path(temporary) / "archive"), "zip", temporary, name))
        archive = made.replace(exports / f"{name}.zip")
    jobs.save_result(db, claim, {"archive": archive.name, "bytes": archive.stat().st_size})


def write(
    db: Database,
    instance: Path,
    project: Project,
    version: ModelVersion,
    format: str,
    out: Path,
    progress: Progress = silent,
) -> None:
    """Write a model version into the folder `out`; ExportError says what is not possible, and the way out."""
    checkpoint = instance / "checkpoints" / version.checkpoint
    card = _card(db, project, version)
    if format == "hf":
        export_huggingface(checkpoint, out, card, progress)
    elif format in FORMATS:
        export_onnx(checkpoint, out, format == "onnx-int8", card, progress, instance / "encoders")
    else:
        raise ExportError(f"There is no model format {format}. Choose one of {', '.join(FORMATS)}.")


def _card(db: Database, project: Project, version: ModelVersion) -> CardFacts:
    metrics = [
        Metric(metric.part, metric.slice, metric.name, metric.value, metric.low, metric.high, metric.n)
        for part in ("holdout", "validation")
        for metric in model_versions.metrics(db, version.id, part)
    ]
    return CardFacts(
        project=project.name,
        labels=[label.name for label in model_versions.labels_of(db, version)],
        language=project.language,
        training_labels=version.training_labels,
        weak_labels=version.weak_labels,
        model_version=version.number,
        created=version.created_at[:10],
        encoder=version.encoder,
        classifier=version.classifier,
        metrics=metrics,
        stale_since=version.stale_since[:10] if version.stale_since else None,
    )
