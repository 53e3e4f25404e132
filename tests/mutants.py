"""Mutation testing of the decisions: each is changed in many small ways, and for every change a test is to fail.

mutmut makes the changes and tries them, in a copy under ``.data/mutants``: it puts all of them into one module, imported once,
and forks a process for each, which runs the tests that call the changed function. A test that starts a process, or that sees
what a module made of a function while it was imported, is no use there. So whatever survives is tried again, in a new
process and by all unit tests as they are. What still survives must be in ``mutants.toml``, with a reason.
"""

from __future__ import annotations

import ast
import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import decision_rooms

ROOT = Path(__file__).parents[1]
COPY = ROOT / ".data/mutants"
ACCEPTED = Path(__file__).with_name("mutants.toml")

#: What the unit tests read, besides the package.
COPIED = ("src", "tests/unit", "tests/flows/frozen", "content", "examples", "flows", "pyproject.toml")

#: What is not copied: caches, and the unit tests of programs around the decisions, which need a checkout of the project.
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

#: It loads the steps without third-party modules, and a changed module imports mutmut.
BY_ITSELF = "tests/unit/steps/test_main.py::test_a_step_stays_light"

#: How long the unit tests may take for one mutant, in seconds: they take ten.
LONGEST = 120


class Survivor(NamedTuple):
    """A change that no test notices: the lines that it takes out (``-``) and puts in (``+``), without their indentation."""

    module: str
    function: str
    change: str

    def __str__(self) -> str:
        """As ``mutants.toml`` has it."""
        return (
            f'[[accepted]]\nmodule = "{self.module}"\nfunction = "{self.function}"\n'
            f"changes = [\n'''\n{self.change}\n''',\n]\nreason = \"\"\n"
        )


def chosen(names: list[str]) -> dict[str, Path]:
    """The modules of these names; ``plan`` is every module of that name, ``steps`` the whole room."""
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
    """The survivors that are known, each as often as it is listed."""
    found: Counter[Survivor] = Counter()
    for entry in tomllib.loads(ACCEPTED.read_text(encoding="utf-8")).get("accepted", []):
        if not entry["reason"].strip():
            sys.exit(f"mutants: {ACCEPTED.name} gives no reason for {entry['module']}, {entry['function']}")
        found.update(Survivor(entry["module"], entry["function"], change.strip()) for change in entry["changes"])
    return found


def undecorated(source: str) -> str:
    """A module whose properties are functions first and made properties after: mutmut leaves decorated functions alone."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef) and [ast.unparse(each) for each in node.decorator_list] == ["property"]:
            assert node.end_lineno is not None
            lines[node.decorator_list[0].lineno - 1] = ""
            lines[node.end_lineno - 1] += f"\n{' ' * node.col_offset}{node.name} = property({node.name})"
    return "\n".join([*lines, ""])


def copy(modules: dict[str, Path]) -> None:
    """Put what is tried, and its tests, where it can be changed."""
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
    """Run a command of mutmut to its end; returns what it prints."""
    command = [str(Path(sys.executable).with_name("mutmut")), *arguments]
    said: list[str] = []
    shown = time.monotonic()
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
        # It overwrites one line again and again; read as text, each is a line of its own.
        for line in running.stdout:
            said.append(line)
            progress = re.search(r"(\d+)/(\d+) ", line)
            if progress and time.monotonic() > shown + 10:
                print(f"mutants: {progress[1]} of {progress[2]} tried", flush=True)
                shown = time.monotonic()
    if running.returncode != 0:
        sys.exit(f"{''.join(said[-60:])}\nmutants: mutmut {arguments[0]} has failed")
    return "".join(said)


def unit_tests(mutant: str, tests: list[str]) -> str:
    """Run tests with a mutant in the place of its original (``""``: with none); returns what came of it."""
    # By this variable mutmut's modules choose.
    env = {**os.environ, "MUTANT_UNDER_TEST": mutant, "PYTHONPATH": str(COPY / "mutants/src")}
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
    """The name of the module that a mutant is in, as ``decision_rooms`` has it."""
    dotted = mutant.rpartition(".")[0].removeprefix("christmas_campaign.").replace(".", "/")
    return dotted if dotted in decision_rooms.modules() else f"{dotted}/__init__"


def tried_again(mutant: str) -> str:
    """What comes of a mutant in a process of its own: first the tests of its module, then all."""
    room, _, name = module_of(mutant).rpartition("/")
    path = f"tests/unit/{room}" if name == "__init__" else f"tests/unit/{room}/test_{name}.py"
    own = [path] if (ROOT / path).exists() else []
    came = unit_tests(mutant, own) if own else "survived"
    return unit_tests(mutant, ["tests/unit"]) if came == "survived" else came


def described(mutant: str) -> Survivor:
    """A mutant as people see it, and as it stays when lines move."""
    name = re.sub(r"__mutmut_\d+$", "", mutant.rpartition(".")[2])
    function = ".".join(name.split("ǁ")[1:]) if "ǁ" in name else name.removeprefix("x_")
    difference = mutmut("show", mutant).splitlines()
    lines = [line for line in difference if line[:1] in ("-", "+") and line[:3] not in ("---", "+++")]
    return Survivor(module_of(mutant), function, "\n".join(f"{line[0]} {line[1:].strip()}" for line in lines))


def main(names: list[str]) -> int:
    """Try the modules of these names, or all; returns the exit code."""
    known = accepted()
    modules = chosen(names)
    begun = time.monotonic()
    print(f"mutants: changing {', '.join(modules)}", flush=True)
    copy(modules)
    if not any("def " in path.read_text(encoding="utf-8") for path in modules.values()):
        print("mutants: no function to change")
        return 0
    jobs = os.environ.get("JOBS") or str(os.cpu_count() or 1)
    mutmut("run", "--max-children", jobs)
    results = dict(
        line.strip().rsplit(": ", 1) for line in mutmut("results", "--all", "true").splitlines() if line.strip()
    )
    doubtful = [mutant for mutant, result in results.items() if result not in ("killed", "timeout")]
    if doubtful:
        print(f"mutants: {len(doubtful)} are tried again, each in a process of its own", flush=True)
        unit_tests("", ["tests/unit"])
    with ThreadPoolExecutor(int(jobs)) as pool:
        for number, (mutant, came) in enumerate(zip(doubtful, pool.map(tried_again, doubtful), strict=True), 1):
            results[mutant] = came
            if number % 10 == 0:
                print(f"mutants: {number} of {len(doubtful)} tried again", flush=True)

    survivors = Counter(described(mutant) for mutant, result in results.items() if result == "survived")
    gone = Counter({each: count for each, count in (known - survivors).items() if not names or each.module in modules})
    for each in gone:
        print(
            f"\nmutants: {ACCEPTED.name} lists what is no survivor any more:\n{each.module}, {each.function}\n{each.change}"
        )
    new = survivors - known
    if new:
        print("\nmutants: no test notices these:\n")
    for each in new.elements():
        print(each)
    outcomes = Counter(results.values())
    minutes, seconds = divmod(round(time.monotonic() - begun), 60)
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
