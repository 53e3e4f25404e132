"""Files of settings are read and written by the rules of Docker Compose."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from christmas_campaign.deployment import env_file
from christmas_campaign.deployment.env_file import EnvFileError, Problem, quoted, read

#: Characters that a reader of such files may treat in a special way.
AWKWARD = "ab0n$\\\"'#= \t,{}:-é🎄\x85\xa0\u2028\u3000`~!"
VALUES = st.text(alphabet=st.characters(exclude_characters="\n\r\0", exclude_categories=["Cs"])) | st.text(AWKWARD)

#: Unicode's white space.
_WHITE = " \t\v\f\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


def parse_as_compose(text: str) -> dict[str, str]:
    """Parse by the rules of Compose's documentation and parser, for lines without a comment behind the value.

    A variable (``$NAME``) is an error: Compose would replace it, and that would change our values.
    """
    values = {}
    for line in text.split("\n"):
        if not line.strip(_WHITE) or line.lstrip(_WHITE).startswith("#"):
            continue
        name, _, value = line.partition("=")
        value = value.lstrip(" \t\v\f\r\x85\xa0")
        if value[:1] == "'":
            match = re.fullmatch(r"'((?:\\.|[^\\'])*)'\s*", value)
            assert match, line
            value = match[1].replace("\\'", "'")
        elif value[:1] == '"':
            match = re.fullmatch(r'"((?:\\.|[^\\"])*)"\s*', value)
            assert match, line
            assert not re.search(r"(?<!\\)(\\\\)*\$", match[1]), line
            value = re.sub(r'\\([\\"$])', r"\1", match[1])
        else:
            value = value.partition(" #")[0].rstrip(_WHITE)
            assert "$" not in value, line
        values[name] = value
    return values


@given(VALUES)
@example('Sang\'s "BusOS" $HOME \\$ # 1')
@example("a\\")
@example(" x ")
@example("\\'")
def test_any_value_of_one_line_is_read_back(value: str) -> None:
    text = f"A={quoted(value)}\nB=end\n"
    assert parse_as_compose(text) == {"A": value, "B": "end"}
    assert [(line.name, line.value, line.problem) for line in read(text)] == [("A", value, None), ("B", "end", None)]


def test_plain_value_is_not_quoted() -> None:
    assert quoted("https://example.com/a?b=c&d=%20") == "https://example.com/a?b=c&d=%20"


@pytest.mark.parametrize("value", ["a\nb", "a\r", "a\0b"])
def test_value_of_several_lines_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        quoted(value)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        # The examples of Compose's documentation.
        ('VAR="VAL"', "VAL"),
        ("VAR=VAL # comment", "VAL"),
        ("VAR=VAL# not a comment", "VAL# not a comment"),
        ('VAR="VAL" # comment', "VAL"),
        ("VAR='Let\\'s go!'", "Let's go!"),
        ('VAR="{\\"hello\\": \\"json\\"}"', '{"hello": "json"}'),
        ('VAR="some\\tvalue"', "some\tvalue"),
        ("VAR='some\\tvalue'", "some\\tvalue"),
        # The behaviour of its parser.
        ("VAR=", ""),
        ("export VAR=1", "1"),
        ("VAR=a\r", "a"),
        ("VAR='a\\\\'", "a\\\\"),
        ('VAR="\\$HOME"', "$HOME"),
        ("VAR=a\x1fb", "a\x1fb"),
        # Windows writes a byte order mark.
        ("\ufeffVAR=1\r", "1"),
    ],
)
def test_line_has_the_value_that_compose_reads(tmp_path: Path, line: str, value: str) -> None:
    (tmp_path / ".env").write_bytes(f"{line}\n".encode())
    lines = read(env_file.load(tmp_path / ".env"))
    assert [(line.name, line.value, line.problem) for line in lines] == [("VAR", value, None)]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("just words", Problem.NOT_A_SETTING),
        ("VAR = 1", Problem.NOT_A_SETTING),
        ("VAR='a", Problem.NOT_CLOSED),
        ("VAR='a'b", Problem.AFTER_QUOTES),
        ("VAR=a$b", Problem.DOLLAR),
        ('VAR="\\0123"', Problem.OCTAL),
        ("VAR= # none", Problem.COMMENT),
        ("VAR=a ", Problem.BLANK),
        ("VAR=a\xa0", Problem.BLANK),
    ],
)
def test_likely_mistake_is_reported(line: str, problem: Problem) -> None:
    (parsed,) = read(f"# before\n\n{line}\n")
    assert (parsed.number, parsed.problem) == (3, problem)


@given(st.lists(VALUES, min_size=1, max_size=4), VALUES, st.data())
def test_new_value_changes_only_its_own_line(values: list[str], value: str, data: st.DataObject) -> None:
    # An empty value before a comment is written as quotes.
    text = "".join(f"# a\nN{index}={quoted(old) or repr('')}  # behind\n\n" for index, old in enumerate(values))
    index = data.draw(st.integers(0, len(values) - 1))
    after = env_file.replaced(text, read(text)[index], value)
    assert [line.value for line in read(after)] == [*values[:index], value, *values[index + 1 :]]
    changed = [new for old, new in zip(text.split("\n"), after.split("\n"), strict=True) if old != new]
    assert len(changed) <= 1
    assert all(line.endswith("  # behind") for line in changed)


def test_written_file_is_private_and_a_link_stays_a_link(tmp_path: Path) -> None:
    file, link = tmp_path / "real", tmp_path / ".env"
    file.write_text("A=1\n", encoding="utf-8")
    file.chmod(0o644)
    link.symlink_to(file)
    env_file.write(link, "A=Lệ\n")
    assert link.is_symlink()
    assert file.read_text(encoding="utf-8") == "A=Lệ\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env", "real"]


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    file = tmp_path / ".env"
    file.write_text("A=old-value\n", encoding="utf-8")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(step, fail)
    with pytest.raises(EnvFileError, match="is as it was: No space left on device") as error:
        env_file.write(file, "A=new-value\n")
    assert "value" not in str(error.value)
    assert file.read_text(encoding="utf-8") == "A=old-value\n"
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_unreadable_file_is_named_without_its_content(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes(b"A=caf\xe9\n")
    for name, problem in {"nowhere": "No such file", "latin": "is not UTF-8 text"}.items():
        with pytest.raises(EnvFileError, match=f"{name}.*{problem}") as error:
            env_file.load(tmp_path / name)
        assert "caf" not in str(error.value)
