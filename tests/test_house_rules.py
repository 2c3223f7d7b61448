"""Rules of the house that a reader would otherwise have to police."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("learner", "migrations", "webapp")
SQL = re.compile(
    r"\b(SELECT\s.+\sFROM|INSERT\s+(OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+TABLE)\b",
    re.S,
)
HEAVY = ("torch", "transformers", "small_text", "sklearn", "onnxruntime", "crowdkit", "cleanlab")
# sqlite-utils loads it by itself where it is installed.
OURS_TO_AVOID = (*HEAVY, "pandas")
LONGEST_FILE = 300
# Reading with these can run whatever the file's author wants.
UNSAFE_TO_READ = ("pickle", "dill", "joblib", "cloudpickle", "marshal", "shelve", "imp", "runpy")
# Nothing is fetched from an address that came from outside: the web application fetches nothing at all.
ASKS_OTHERS = (
    "urllib.request",
    "http.client",
    "requests",
    "httpx",
    "aiohttp",
    "huggingface_hub",
    "ftplib",
    "smtplib",
)
# The same as calls; `trust_remote_code` may only ever be False.
UNSAFE_CALLS = {
    "torch.load",
    "hub.load",
    "np.load",
    "numpy.load",
    "yaml.load",
    "eval",
    "exec",
    "compile",
    "__import__",
}
UNSAFE_CALLS |= {"render_template_string", "from_string", "os.system", "os.popen"}
# Makes its patterns of sentences that stand in our own code.
MAKES_PATTERNS = "webapp/words/sentences.py:"
REGEX_CALLS = {"compile", "match", "fullmatch", "search", "sub", "subn", "findall", "finditer", "split"}


def files(*folders: str, suffix: str = ".py") -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob(f"*{suffix}"))]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def parsed(path: Path) -> ast.Module:
    """The file as Python reads it, once for all rules."""
    return ast.parse(path.read_text("utf-8"))


def imported_by(path: Path) -> Iterator[str]:
    """Every module that a file imports, at its top or inside a function."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def importers(folders: tuple[str, ...], forbidden: tuple[str, ...]) -> list[str]:
    """Files in the folders that import a forbidden module or a part of it."""
    return [
        f"{name_of(path)} imports {module}"
        for path in files(*folders)
        for module in imported_by(path)
        if module in forbidden or module.startswith(tuple(f"{name}." for name in forbidden))
    ]


def test_no_module_needs_itself_by_way_of_others() -> None:
    """Not even inside a function: each can be read after those that it builds on."""
    paths = {
        name_of(path).removesuffix(".py").replace("/", ".").removesuffix(".__init__"): path
        for path in files(*PACKAGES)
    }
    needs: dict[str, set[str]] = {}
    for module, path in paths.items():
        found = {name for name in imported_by(path) if name in paths}
        # `from package import module` is about the module alone.
        needs[module] = {name for name in found if not any(other.startswith(f"{name}.") for other in found)}
    TopologicalSorter(needs).prepare()  # CycleError names them


@pytest.mark.parametrize(
    ("folders", "forbidden"),
    [
        (("learner",), ("flask", "webapp", "sqlite_utils", "migrations")),
        (("migrations",), ("flask", "webapp", "learner")),
        (
            ("webapp/store", "webapp/importing", "webapp/worker"),
            ("flask", "flask_babel", "flask_wtf", *OURS_TO_AVOID),
        ),
        (("webapp/store", "webapp/importing"), ("learner",)),
        (("webapp/views", "webapp/api"), ("sqlite3", "pysqlite3", "learner.round", *OURS_TO_AVOID)),
        (("learner", "migrations", "webapp"), ("sqlite3", *UNSAFE_TO_READ)),
        (("migrations", "webapp"), ASKS_OTHERS),
    ],
)
def test_dependencies_point_one_way(folders: tuple[str, ...], forbidden: tuple[str, ...]) -> None:
    assert importers(folders, forbidden) == []


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """Every call in our code: where, what is called, and the call itself."""
    for path in files(*PACKAGES):
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call):
                yield f"{name_of(path)}:{node.lineno}", ast.unparse(node.func), node


def test_nothing_that_came_from_outside_can_become_code() -> None:
    found = [f"{where} calls {name}" for where, name, _ in calls() if name in UNSAFE_CALLS]
    trusting = [
        f"{where} trusts code"
        for where, _, call in calls()
        for word in call.keywords
        if word.arg in ("trust_remote_code", "allow_pickle", "shell") and ast.unparse(word.value) != "False"
    ]
    assert found + trusting == []


def test_no_pattern_comes_from_a_user() -> None:
    """A hostile pattern can take for ever, and ours are looked at: each is written where it is used."""
    assert [
        f"{where}: {ast.unparse(call.args[0])}"
        for where, name, call in calls()
        if name in {f"re.{each}" for each in REGEX_CALLS}
        and not is_written_here(call.args[0])
        and not where.startswith(MAKES_PATTERNS)
    ] == []


def is_written_here(pattern: ast.expr) -> bool:
    """A literal, or literals put together with constants of the module."""
    return all(
        not isinstance(part, ast.Name) or part.id.lstrip("_").isupper()
        for part in ast.walk(pattern)
        if isinstance(part, ast.expr)
    )


def test_the_web_process_never_loads_the_heavy_libraries() -> None:
    code = f"import sys, webapp.application; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_sql_stands_in_the_store_and_the_migrations_alone() -> None:
    allowed = ("webapp/store/", "migrations/")
    found = [
        f"{name_of(path)}:{node.lineno}"
        for path in files(*PACKAGES)
        if not name_of(path).startswith(allowed)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.search(node.value)
    ]
    assert found == []


def test_no_transaction_begins_deferred() -> None:
    outside = [path for path in files("webapp") if name_of(path) != "webapp/store/connection.py"]
    assert [name_of(path) for path in outside if ".atomic(" in path.read_text("utf-8")] == []


def test_files_stay_short_enough_to_read() -> None:
    long = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in files(*PACKAGES, "tests")}
    assert {name: lines for name, lines in long.items() if lines >= LONGEST_FILE} == {}


def test_templates_lie_in_the_folder_of_their_view() -> None:
    views = {path.stem for path in files("webapp/views")}
    folders = {path.parent.name for path in files("webapp/templates", suffix=".html")} - {"templates"}
    assert folders - views == set()


def test_no_file_speaks_of_the_machine_it_was_written_on() -> None:
    mentioned = re.compile(r"(?<![\w.])/(?:home|root|tmp|Users)/[A-Za-z]")
    written = [*files(*PACKAGES, "tests"), *files("webapp", suffix=".html"), *files("webapp", suffix=".js")]
    here = Path(__file__).resolve()
    assert [
        name_of(path) for path in written if path != here and mentioned.search(path.read_text("utf-8"))
    ] == []
