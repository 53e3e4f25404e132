"""Mutation testing of the decisions: mutmut changes the code in many small ways, and a test must fail for each change.

mutmut works in a copy under ``.data/mutants``. It puts all changes (mutants) into one module and imports it once. For each
mutant it forks a process and runs the tests that call the changed function. It misses tests that start a process of their own,
and tests of values that a module computes during its import. Each mutant that survives is therefore tested again in a new
process with all unit tests. A mutant that still survives must be listed in ``mutants.toml``, with a reason.
"""

from __future__ import annotations

import ast
import fcntl
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import decision_rooms

ROOT = Path(__file__).parents[1]
COPY = ROOT / ".data/mutants"
ACCEPTED = Path(__file__).with_name("mutants.toml")

#: The files that are copied: the package, the unit tests, and the files that these read.
COPIED = ("src", "tests/unit", "tests/flows/frozen", "content", "examples", "flows", "pyproject.toml")

#: Files that are not copied: caches, and unit tests that need a checkout of the project.
LEFT_OUT = shutil.ignore_patterns(
    "__pycache__", "*.egg-info", "test_demo.py", "test_docs.py", "test_optional_programs.py"
)

CONFIG = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = [{modules}]
also_copy = ["tests/flows/frozen", "content", "examples", "flows"]
pytest_add_cli_args_test_selection = ["tests/unit"]
pytest_add_cli_args = ["-p", "no:cacheprovider"]
timeout_multiplier = 8.0
use_git_change_detection = false
"""

#: This test checks that steps import no third-party modules, but a changed module imports mutmut.
BY_ITSELF = "tests/unit/steps/test_main.py::test_step_loads_no_heavy_module"

#: The time limit for the unit tests of one mutant, in seconds. Without a mutant they take ten.
LONGEST = 120


class Survivor(NamedTuple):
    """A mutant that no test detects: its removed (``-``) and added (``+``) lines, without indentation."""

    module: str
    function: str
    change: str

    def __str__(self) -> str:
        """Return the mutant as an entry of ``mutants.toml``."""
        return (
            f'[[accepted]]\nmodule = "{self.module}"\nfunction = "{self.function}"\n'
            f"changes = [\n'''\n{self.change}\n''',\n]\nreason = \"\"\n"
        )


def chosen(names: list[str]) -> dict[str, Path]:
    """Return the modules with these names: ``plan`` is every module of that name, ``steps`` the whole room."""
    modules = decision_rooms.modules()
    for name in names:
        if not any(name in (module, *module.split("/")) for module in modules):
            sys.exit(f"mutants: there is no module {name!r}; there are: {', '.join(modules)}")
    return {
        module: path
        for module, path in modules.items()
        if not names or any(name in (module, *module.split("/")) for name in names)
    }


def accepted() -> Counter[Survivor]:
    """Return the survivors in ``mutants.toml``, each as often as it is listed."""
    survivors: Counter[Survivor] = Counter()
    for entry in tomllib.loads(ACCEPTED.read_text(encoding="utf-8")).get("accepted", []):
        if not entry["reason"].strip():
            sys.exit(f"mutants: {ACCEPTED.name} gives no reason for {entry['module']}, {entry['function']}")
        survivors.update(Survivor(entry["module"], entry["function"], change.strip()) for change in entry["changes"])
    return survivors


def undecorated(source: str) -> str:
    """Return a module's source without ``@property``, which mutmut skips: each property is created after its function."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and [ast.unparse(decorator) for decorator in node.decorator_list] == [
            "property"
        ]:
            assert node.end_lineno is not None
            lines[node.decorator_list[0].lineno - 1] = ""
            lines[node.end_lineno - 1] += f"\n{' ' * node.col_offset}{node.name} = property({node.name})"
    return "\n".join([*lines, ""])


def copy(modules: dict[str, Path]) -> None:
    """Copy the package, its tests and the files that these read to where mutmut may change them."""
    shutil.rmtree(COPY, ignore_errors=True)
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, COPY / name, ignore=LEFT_OUT)
        else:
            shutil.copy(ROOT / name, COPY / name)
    for path in modules.values():
        copied = COPY / path.relative_to(ROOT)
        copied.write_text(undecorated(path.read_text(encoding="utf-8")), encoding="utf-8")
    only = ", ".join(f'"{path.relative_to(ROOT)}"' for path in modules.values())
    with (COPY / "pyproject.toml").open("a", encoding="utf-8") as config:
        config.write(CONFIG.format(modules=only))


def mutmut(*arguments: str) -> str:
    """Run a command of mutmut and return its output. Ends the program if the command fails."""
    command = [str(Path(sys.executable).with_name("mutmut")), *arguments]
    output: list[str] = []
    last_report = time.monotonic()
    with subprocess.Popen(
        command,
        cwd=COPY,
        env={**os.environ, "HYPOTHESIS_PROFILE": "mutants"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    ) as running:
        assert running.stdout is not None
        # mutmut overwrites one line for its progress; read as text, each version is a line.
        for line in running.stdout:
            output.append(line)
            progress = re.search(r"(\d+)/(\d+) ", line)
            if progress and time.monotonic() > last_report + 10:
                print(f"mutants: {progress[1]} of {progress[2]} tried", flush=True)
                last_report = time.monotonic()
    if running.returncode != 0:
        sys.exit(f"{''.join(output[-60:])}\nmutants: mutmut {arguments[0]} has failed")
    return "".join(output)


def package_with(module: str) -> Path:
    """Return a folder with the package in which only ``module`` has mutants.

    A module with its mutants is large. The tests that start a process would import all of them each time.
    """
    folder = COPY / "alone" / module.replace("/", ".")
    path = decision_rooms.modules()[module].relative_to(ROOT)
    if not folder.exists():
        # Written under another name first: several threads may need the same folder.
        partial = folder.with_name(f"{folder.name}.{threading.get_ident()}")
        shutil.copytree(COPY / "src", partial / "src", ignore=LEFT_OUT)
        shutil.copy(COPY / "mutants" / path, partial / path)
        with suppress(OSError):
            partial.rename(folder)
    return folder / "src"


def unit_tests(mutant: str, tests: list[str]) -> str:
    """Run tests with a mutant active (``""``: none); return ``killed``, ``survived`` or ``timeout``."""
    package = package_with(module_of(mutant)) if mutant else COPY / "mutants/src"
    # The modules that mutmut has changed read MUTANT_UNDER_TEST.
    env = {**os.environ, "MUTANT_UNDER_TEST": mutant, "PYTHONPATH": str(package)}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--deselect", BY_ITSELF, *tests]
    try:
        done = subprocess.run(
            command, cwd=COPY / "mutants", env=env, capture_output=True, text=True, check=False, timeout=LONGEST
        )
    except subprocess.TimeoutExpired:
        return "timeout"
    if done.returncode not in (0, 1, 2):
        sys.exit(f"{done.stdout}{done.stderr}\nmutants: the unit tests cannot be run with {mutant or 'no mutant'}")
    if done.returncode and not mutant:
        sys.exit(f"{done.stdout}{done.stderr}\nmutants: the unit tests fail without any mutant")
    return "killed" if done.returncode else "survived"


def module_of(mutant: str) -> str:
    """Return the name of a mutant's module, as in ``decision_rooms``."""
    dotted = mutant.rpartition(".")[0].removeprefix("christmas_campaign.").replace(".", "/")
    return dotted if dotted in decision_rooms.modules() else f"{dotted}/__init__"


def test_again(mutant: str) -> str:
    """Test a mutant in a new process, first with the tests of its module, then with all; return the result."""
    room, _, name = module_of(mutant).rpartition("/")
    path = f"tests/unit/{room}" if name == "__init__" else f"tests/unit/{room}/test_{name}.py"
    result = unit_tests(mutant, [path]) if (ROOT / path).exists() else "survived"
    return unit_tests(mutant, ["tests/unit"]) if result == "survived" else result


def described(mutant: str) -> Survivor:
    """Return a mutant by its changed lines, which stay the same when other lines move."""
    name = re.sub(r"__mutmut_\d+$", "", mutant.rpartition(".")[2])
    function = ".".join(name.split("ǁ")[1:]) if "ǁ" in name else name.removeprefix("x_")
    difference = mutmut("show", mutant).splitlines()
    lines = [line for line in difference if line[:1] in ("-", "+") and line[:3] not in ("---", "+++")]
    return Survivor(module_of(mutant), function, "\n".join(f"{line[0]} {line[1:].strip()}" for line in lines))


def main(names: list[str]) -> int:
    """Test the mutants of the modules with these names, or of all; return the exit code."""
    listed = accepted()
    modules = chosen(names)
    started = time.monotonic()
    print(f"mutants: changing {', '.join(modules)}", flush=True)
    copy(modules)
    if not any("def " in path.read_text(encoding="utf-8") for path in modules.values()):
        print("mutants: these modules have no function to change")
        return 0
    jobs = os.environ.get("JOBS") or str(os.cpu_count() or 1)
    mutmut("run", "--max-children", jobs)
    results = dict(
        line.strip().rsplit(": ", 1) for line in mutmut("results", "--all", "true").splitlines() if line.strip()
    )
    surviving = [mutant for mutant, result in results.items() if result not in ("killed", "timeout")]
    if surviving:
        print(f"mutants: {len(surviving)} are tested again, each in a new process", flush=True)
        unit_tests("", ["tests/unit"])
    with ThreadPoolExecutor(int(jobs)) as pool:
        for number, (mutant, result) in enumerate(zip(surviving, pool.map(test_again, surviving), strict=True), 1):
            results[mutant] = result
            if number % 10 == 0:
                print(f"mutants: {number} of {len(surviving)} tested again", flush=True)

    survivors = Counter(described(mutant) for mutant, result in results.items() if result == "survived")
    outdated = [survivor for survivor in listed - survivors if not names or survivor.module in modules]
    for survivor in outdated:
        print(f"\nmutants: remove this from {ACCEPTED.name}, a test detects it:")
        print(f"{survivor.module}, {survivor.function}\n{survivor.change}")
    new = survivors - listed
    if new:
        print("\nmutants: no test detects these:\n")
    for survivor in new.elements():
        print(survivor)
    outcomes = Counter(results.values())
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    print(
        f"mutants: {len(results)} in {minutes} min {seconds} s: {outcomes['killed']} killed, "
        f"{outcomes['timeout']} ran out of time, {outcomes['survived']} survived, {new.total()} of them not listed"
    )
    return 1 if new else 0


if __name__ == "__main__":
    COPY.parent.mkdir(exist_ok=True)
    with COPY.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("mutants: another run is going on")
        sys.exit(main(sys.argv[1:]))
