"""Files of settings, read and written as Compose reads them."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from christmas_campaign.deployment import env_file
from christmas_campaign.deployment.env_file import EnvFileError, Problem, quoted, read

#: What is put between the quotes and blanks that a reader may stumble over.
AWKWARD = "ab0n$\\\"'#= \t,{}:-é🎄\x85\xa0\u2028\u3000`~!"
#: How nothing is written where a comment stands behind it.
EMPTY = "''"

VALUES = st.text(alphabet=st.characters(exclude_characters="\n\r\0", exclude_categories=["Cs"])) | st.text(AWKWARD)

_WHITE = " \t\v\f\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


def as_compose_reads_it(text: str) -> dict[str, str]:
    """Compose's rules for such files, for lines without a comment behind the value, from its own documentation and parser.

    What it would replace (``$NAME``) makes this fail: no value of ours may be replaced.
    """
    found = {}
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
        found[name] = value
    return found


@given(VALUES)
@example('Sang\'s "BusOS" $HOME \\$ # 1')
@example("a\\")
@example("'")
@example(" x ")
@example("#x")
@example("\\'")
def test_any_value_of_one_line_comes_back_from_the_file(value: str) -> None:
    text = f"A={quoted(value)}\nB=end\n"
    assert as_compose_reads_it(text) == {"A": value, "B": "end"}
    assert [(line.name, line.value, line.problem) for line in read(text)] == [("A", value, None), ("B", "end", None)]


@pytest.mark.parametrize(
    "value", ["ntn_abc", "value@mail.example.com", "https://example.com/a?b=c&d=%20", "Sang Le - BusOS"]
)
def test_what_needs_no_quotes_has_none(value: str) -> None:
    assert quoted(value) == value


@pytest.mark.parametrize("value", ["a\nb", "a\r", "a\0b"])
def test_several_lines_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        quoted(value)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        # The examples of Compose's own documentation.
        ("VAR=VAL", "VAL"),
        ('VAR="VAL"', "VAL"),
        ("VAR='VAL'", "VAL"),
        ("VAR=VAL # comment", "VAL"),
        ("VAR=VAL# not a comment", "VAL# not a comment"),
        ('VAR="VAL # not a comment"', "VAL # not a comment"),
        ('VAR="VAL" # comment', "VAL"),
        ("VAR='$OTHER'", "$OTHER"),
        ("VAR='Let\\'s go!'", "Let's go!"),
        ('VAR="{\\"hello\\": \\"json\\"}"', '{"hello": "json"}'),
        ('VAR="some\\tvalue"', "some\tvalue"),
        ("VAR='some\\tvalue'", "some\\tvalue"),
        ("VAR=some\\tvalue", "some\\tvalue"),
        # And what its parser does besides.
        ("VAR=", ""),
        ("export VAR=1", "1"),
        ("VAR=a\r", "a"),
        ("VAR='a'\r", "a"),
        ("VAR='a\\\\'", "a\\\\"),
        ('VAR="\\$HOME"', "$HOME"),
        ("VAR=a\x1fb", "a\x1fb"),
    ],
)
def test_a_line_means_what_it_means_to_compose(line: str, value: str) -> None:
    assert [(found.value, found.problem) for found in read(line + "\n")] == [(value, None)]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("just words", Problem.NOT_A_SETTING),
        ("VAR = 1", Problem.NOT_A_SETTING),
        ("1VAR=1", Problem.NOT_A_SETTING),
        ("VAR='a", Problem.NOT_CLOSED),
        ('VAR="a\\"', Problem.NOT_CLOSED),
        ("VAR='a'b", Problem.AFTER_QUOTES),
        ("VAR=a$b", Problem.DOLLAR),
        ("VAR=${B}", Problem.DOLLAR),
        ('VAR="a$b"', Problem.DOLLAR),
        ('VAR="\\0123"', Problem.OCTAL),
        ("VAR= # none", Problem.COMMENT),
        ("VAR=a ", Problem.BLANK),
        ("VAR=a\t\r", Problem.BLANK),
        ("VAR=a\xa0", Problem.BLANK),
    ],
)
def test_what_is_hardly_meant_so_is_named(line: str, problem: Problem) -> None:
    (found,) = read(f"# before\n\n{line}\n")
    assert (found.number, found.problem) == (3, problem)


@given(st.lists(VALUES, min_size=1, max_size=4), VALUES, st.data())
def test_another_value_changes_its_own_line_alone(values: list[str], value: str, data: st.DataObject) -> None:
    text = "".join(
        f"# about {index}\nN{index}={quoted(each) or EMPTY}  # behind\n\n" for index, each in enumerate(values)
    )
    lines = read(text)
    place = data.draw(st.integers(0, len(values) - 1))
    after = env_file.replaced(text, lines[place], value)
    assert [line.value for line in read(after)] == [*values[:place], value, *values[place + 1 :]]
    changed = [pair for pair in zip(text.split("\n"), after.split("\n"), strict=True) if pair[0] != pair[1]]
    assert len(changed) <= 1
    assert all(new.endswith("  # behind") for _, new in changed)


def test_a_file_is_private_whatever_it_was_and_whole(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("A=1\n", encoding="utf-8")
    file.chmod(0o644)
    env_file.write(file, "A=Lệ\n")
    assert file.read_text(encoding="utf-8") == "A=Lệ\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [".env"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / ".env"
    real.write_text("A=1\n", encoding="utf-8")
    link.symlink_to(real)
    env_file.write(link, "A=2\n")
    assert link.is_symlink()
    assert real.read_text(encoding="utf-8") == "A=2\n"


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    file = tmp_path / ".env"
    file.write_text("A=old-value\n", encoding="utf-8")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(step, full)
    with pytest.raises(EnvFileError, match="is as it was: No space left on device") as raised:
        env_file.write(file, "A=new-value\n")
    assert "value" not in str(raised.value)
    assert file.read_text(encoding="utf-8") == "A=old-value\n"
    assert [each.name for each in tmp_path.iterdir()] == [".env"]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvFileError, match="nowhere: No such file"):
        env_file.load(tmp_path / "nowhere")
    (tmp_path / "latin").write_bytes(b"A=caf\xe9\n")
    with pytest.raises(EnvFileError, match="latin is not UTF-8 text") as raised:
        env_file.load(tmp_path / "latin")
    assert "caf" not in str(raised.value)


def test_what_windows_puts_at_the_beginning_is_no_part_of_a_name(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfA=1\r\nB=2\r\n")
    assert [(line.name, line.value) for line in read(env_file.load(tmp_path / ".env"))] == [("A", "1"), ("B", "2")]
