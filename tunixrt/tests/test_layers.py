"""The house rules that can be read from the source: what imports what, and how long things are."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]

# From the roof to the ground: an import only points down.
APPS = [
    "evaluations",
    "runs",
    "tunix",
    "ungar",
    "datasets",
    "imports",
    "curation",
    "traces",
    "jobs",
    "formats",
    "audit",
    "accounts",
    "core",
]

# The rooms of an app, from the ground up; every module with another name is an act.
ACT = 1
ROOMS = {
    "models": 0,
    "serializers": 2,
    "forms": 2,
    "api": 3,
    "views": 3,
    "admin": 3,
    "management": 3,
    "urls": 4,
}

MAX_FILE = 400
MAX_FUNCTION = 40

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Module(NamedTuple):
    path: Path
    name: str
    tree: ast.Module

    @property
    def app(self) -> str:
        """ "traces" of apps.traces.models, "tunixrt" of what belongs to the roof."""
        return app_of(self.name)


def app_of(name: str) -> str:
    parts = name.split(".")
    return parts[1] if parts[0] == "apps" and len(parts) > 1 else parts[0]


def read_module(path: Path) -> Module:
    parts = [*path.relative_to(ROOT).with_suffix("").parts]
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(path, name, ast.parse(path.read_text(encoding="utf-8")))


ALL = [read_module(path) for folder in ("apps", "tunixrt") for path in sorted((ROOT / folder).rglob("*.py"))]
PROGRAM = [module for module in ALL if ".tests" not in module.name and ".migrations" not in module.name]
NAMES = {module.name for module in ALL}


def imports(module: Module) -> Iterator[str]:
    """The full names of what is imported, wherever in the file it stands."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in NAMES else str(node.module)


def own_imports(module: Module) -> list[str]:
    """Those of this project."""
    return [name for name in imports(module) if name.split(".")[0] in ("apps", "tunixrt")]


def functions(module: Module) -> list[Function]:
    return [node for node in ast.walk(module.tree) if isinstance(node, Function)]


def test_every_app_has_its_place_in_the_list() -> None:
    found = {path.name for path in (ROOT / "apps").iterdir() if (path / "__init__.py").exists()}
    assert found <= {*APPS}
    assert {"tunix", "ungar", "datasets", "imports", "traces", "jobs", "formats", "accounts", "core"} <= found


def test_every_import_of_the_project_names_a_module() -> None:
    assert [(module.name, name) for module in ALL for name in own_imports(module) if name not in NAMES] == []


def test_imports_point_down_the_list_of_apps() -> None:
    upward = [
        f"{module.name} imports {name}"
        for module in PROGRAM
        if module.app in APPS
        for name in own_imports(module)
        if app_of(name) not in APPS or APPS.index(app_of(name)) < APPS.index(module.app)
    ]
    assert upward == []


def room(name: str) -> int:
    parts = name.split(".")
    return ROOMS.get(parts[2], ACT) if len(parts) > 2 else ACT


def test_imports_inside_an_app_follow_its_rooms() -> None:
    upward = [
        f"{module.name} imports {name}"
        for module in PROGRAM
        if module.app in APPS and module.path.name != "apps.py"
        for name in own_imports(module)
        if app_of(name) == module.app and room(name) > room(module.name)
    ]
    assert upward == []


def test_no_module_imports_itself_through_others() -> None:
    graph = {module.name: {*own_imports(module)} for module in PROGRAM}
    while free := {name for name, wanted in graph.items() if not wanted & graph.keys()}:
        graph = {name: wanted for name, wanted in graph.items() if name not in free}
    assert sorted(graph) == []


def test_only_the_roof_imports_the_roof() -> None:
    found = [
        f"{module.name} imports {name}"
        for module in PROGRAM
        for name in own_imports(module)
        if app_of(name) == "tunixrt" and module.app != "tunixrt"
    ]
    assert found == []


@pytest.mark.parametrize("app", ["core", "formats"])
def test_what_is_no_app_of_models_has_none(app: str) -> None:
    assert [name for name in NAMES if name in (f"apps.{app}.models", f"apps.{app}.urls")] == []


def test_formats_knows_no_django_also_not_through_others() -> None:
    names = [module.name for module in PROGRAM if module.app == "formats"]
    program = f"import sys, {', '.join(names)}; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0


def is_ready_hook(function: Function) -> bool:
    """Django's own place for what may be imported only when every app is loaded."""
    return function.name == "ready"


def test_nothing_is_imported_inside_a_function() -> None:
    found = [
        f"{module.path.relative_to(ROOT)}:{node.lineno}"
        for module in PROGRAM
        for function in functions(module)
        if not (module.path.name == "apps.py" and is_ready_hook(function))
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert found == []


def length(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def count_lines(module: Module) -> int:
    return len(module.path.read_text(encoding="utf-8").splitlines())


def medians() -> str:
    """What a failure shows beside the one thing that is too long."""
    files = median(lines for module in PROGRAM if (lines := count_lines(module)))
    lengths = median(length(function) for module in PROGRAM for function in functions(module))
    return f"medians: {files} lines a file (at most 60), {lengths} lines a function (at most 8)"


def test_no_file_is_too_long() -> None:
    found = [f"{module.name}: {count_lines(module)}" for module in ALL if count_lines(module) > MAX_FILE]
    assert found == [], medians()


def test_no_function_is_too_long() -> None:
    found = [
        f"{module.name}.{function.name}: {length(function)}"
        for module in PROGRAM
        for function in functions(module)
        if length(function) > MAX_FUNCTION
    ]
    assert found == [], medians()
