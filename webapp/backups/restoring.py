"""Put a backup in the place of an instance: everything is checked and made ready first, then all is swapped or nothing.

What was there is moved aside, never removed. The swap is written down before it begins, so that one that was cut off
is finished by the next call; until then the instance refuses to start.
"""

import ast
import json
import shutil
import tempfile
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import migrations
from webapp import instance_lock
from webapp.backups import backup_file, backup_folder, making
from webapp.backups.backup_file import Manifest
from webapp.instance import RESTORE_PLAN, SUBFOLDERS, Instance
from webapp.store import backups as records
from webapp.store import users
from webapp.store.backups import BackupError
from webapp.store.connection import open_database

STAGING = ".restoring"
FORMER = "before-restore-"
# They belong to the database that goes: its log, its checkpoints, and files that only its rows speak of.
GOES_WITH_IT = (
    *(f"{backup_file.DATABASE}{end}" for end in ("", "-wal", "-shm", "-journal")),
    *(backup_file.SECRET_KEY, backup_file.ERASURES, "checkpoints", "uploads", "imports", "exports"),
)
# The instance's own stay where the backup has none.
CONFIG_ASIDE = "config.py.from-backup"
ONLY_IF_IN_BACKUP = (backup_file.CONFIG, CONFIG_ASIDE, "assets")


@dataclass(frozen=True)
class Restored:
    """What a restore did. `former`: the folder with what was there before, None where there was nothing.

    config_aside: the configuration in the backup does more than set values, so it lies beside and is not used.
    """

    manifest: Manifest
    migrated: list[str]
    sessions: int
    tokens: int
    erased: int
    has_admin: bool
    former: Path | None
    config_aside: bool


def restore(instance: Instance, file: Path, now: datetime) -> Restored:
    """Bring an instance to the state of a backup; InstanceInUse while it is at work, BackupError says what is amiss."""
    instance.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with instance_lock.alone(instance):
        finish(instance)
        staged = Instance(instance.folder / STAGING)
        shutil.rmtree(staged.folder, ignore_errors=True)
        staged.folder.mkdir(mode=0o700)
        try:
            _require_space(instance, file)
            manifest = backup_file.unpack(file, staged.folder)
            making.check_content(manifest, staged.folder, staged.database)
            (staged.folder / backup_file.MANIFEST).unlink()
            migrated, sessions, tokens = _bring_up_to_date(staged, now)
            config_aside = _set_aside_what_would_run(staged)
            _unite_erasures(instance, staged)
            erased, has_admin = _erase_again(staged)
            for path in [*staged.folder.rglob("*"), staged.folder]:
                backup_file.fsync(path)
            former = _write_plan(instance, staged, now)
        except BaseException:
            shutil.rmtree(staged.folder, ignore_errors=True)
            raise
        finish(instance)
    aside = former if former.is_dir() else None
    return Restored(manifest, migrated, sessions, tokens, erased, has_admin, aside, config_aside)


def finish(instance: Instance) -> bool:
    """Carry out a swap that was written down, from wherever it was cut off; False when there is none."""
    plan_file = instance.folder / RESTORE_PLAN
    if not plan_file.exists():
        return False
    plan = json.loads(plan_file.read_text("utf-8"))
    staged, former = instance.folder / STAGING, instance.folder / plan["former"]
    for name in plan["names"]:
        _swap(instance.folder / name, staged / name, former / name, name in plan["new"])
    for name in SUBFOLDERS:  # the backup has no uploads, and the next import needs their folder
        (instance.folder / name).mkdir(exist_ok=True)
    for folder in {path.parent for name in plan["names"] for path in (instance.folder / name, former / name)}:
        if folder.is_dir():
            backup_file.fsync(folder)
    plan_file.unlink()
    backup_file.fsync(instance.folder)
    shutil.rmtree(staged, ignore_errors=True)
    return True


def _swap(here: Path, new: Path, former: Path, is_new: bool) -> None:
    """One step of the swap; done twice it is done once."""
    if is_new and not new.exists():
        return  # it is in its place already
    if here.exists():
        former.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        here.rename(former)
    if is_new:
        here.parent.mkdir(exist_ok=True)
        new.rename(here)


def _require_space(instance: Instance, file: Path) -> None:
    needed, free = file.stat().st_size, shutil.disk_usage(instance.folder).free
    if free < needed + making.RESERVE_BYTES:
        raise BackupError(
            f"Restoring needs {(needed + making.RESERVE_BYTES) / 1e9:,.1f} GB in {instance.folder}, and"
            f" {free / 1e9:,.1f} GB are free. Free some space; nothing was changed."
        )


def _bring_up_to_date(staged: Instance, now: datetime) -> tuple[list[str], int, int]:
    """Migrate the copy, refuse what is not our schema, and log everybody out; returns steps, sessions, tokens."""
    steps, tables = _today()
    newer = sorted(set(records.facts(staged.database).migrations) - steps)
    if newer:
        raise BackupError(
            f"This backup was made by a newer Winnow (it has {', '.join(newer)}). Install that one, then restore."
        )
    with closing(open_database(staged.database)) as db:
        applied = migrations.apply(db)
        # A trigger or a view beside ours would run with the next write.
        if _statements(migrations.schema(db)) != tables:
            raise BackupError("The tables of this backup are not Winnow's, so nothing of it was used.")
        sessions, tokens = records.forget_the_present(db, now)
    return applied, sessions, tokens


def _today() -> tuple[set[str], set[str]]:
    """The steps and the tables of a new database."""
    with tempfile.TemporaryDirectory(prefix="winnow-schema-") as folder:
        path = Path(folder) / backup_file.DATABASE
        with closing(open_database(path, create=True)) as db:
            migrations.apply(db)
            tables = _statements(migrations.schema(db))
        return set(records.facts(path).migrations), tables


def _statements(schema: str) -> set[str]:
    return set(schema.strip().split("\n\n"))


def _set_aside_what_would_run(staged: Instance) -> bool:
    """config.py is a program, and a backup may have been altered: one that only sets values is safe to take over."""
    config = staged.folder / backup_file.CONFIG
    if not config.is_file() or _only_sets_values(config):
        return False
    config.rename(staged.folder / CONFIG_ASIDE)
    return True


def _only_sets_values(config: Path) -> bool:
    """Whether each line gives a name a value that is written out; what is set, and an annotation, would run as well."""
    try:
        for line in ast.parse(config.read_bytes()).body:
            if not isinstance(line, ast.Assign | ast.Expr):
                return False
            if isinstance(line, ast.Assign) and not all(isinstance(each, ast.Name) for each in line.targets):
                return False
            ast.literal_eval(line.value)
    except (SyntaxError, TypeError, ValueError, MemoryError, RecursionError):
        return False
    return True


def _unite_erasures(instance: Instance, staged: Instance) -> None:
    """Whoever was erased after the backup was made stays erased: the journal in place knows of them."""
    lines: dict[str, None] = {}
    for folder in (staged.folder, instance.folder):
        path = folder / backup_file.ERASURES
        if path.is_file():
            text = path.read_text("ascii", "replace")  # as the journal is read: damage costs its line alone
            lines |= dict.fromkeys(line for line in text.splitlines() if line.strip())
    if lines:
        united = staged.folder / backup_file.ERASURES
        united.write_text("".join(f"{line}\n" for line in lines), "utf-8")
        united.chmod(0o600)


def _erase_again(staged: Instance) -> tuple[int, bool]:
    """How many were erased again, and whether an admin is left."""
    from webapp.worker import erasures_again  # loads the learner

    erased = erasures_again.replay(staged)
    with closing(open_database(staged.database)) as db:
        return erased, users.has_admin(db)


def _write_plan(instance: Instance, staged: Instance, now: datetime) -> Path:
    """Note what goes where; from here on there is no way back, only forward."""
    new = [name for name in (*GOES_WITH_IT, *ONLY_IF_IN_BACKUP) if (staged.folder / name).exists()]
    new += [f"encoders/{path.name}" for path in sorted(staged.encoders.glob("*"))]
    names = [*GOES_WITH_IT, *(name for name in new if name not in GOES_WITH_IT)]
    former = f"{FORMER}{now.astimezone(UTC).strftime(backup_folder.STAMP)}"
    written = staged.folder / RESTORE_PLAN
    written.write_text(json.dumps({"former": former, "names": names, "new": new}), "utf-8")
    backup_file.fsync(written)
    written.rename(instance.folder / RESTORE_PLAN)
    backup_file.fsync(instance.folder)
    return instance.folder / former
