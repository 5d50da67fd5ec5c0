"""Notes: kept over restarts, by several processes at once, never overwritten unseen, and harmless to take away."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tumortrace import paths
from tumortrace.cli import main
from tumortrace.errors import NoteConflict, NotesError
from tumortrace.notes import export, note, schema, store

ROOT = Path(__file__).resolve().parents[2]
WRITER = """
import sys
from tumortrace.notes import store
who = sys.argv[1]
for number in range(25):
    store.add("figshare", str(number), who, ["hard"], f"{who} {number}")
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_reading_makes_no_file(home: Path) -> None:
    assert store.notes() == []
    assert store.tags_of("figshare") == {}
    assert store.tags_in_use() == {}
    assert not home.exists()


def test_a_note_is_read_as_it_was_written_by_another_process_too() -> None:
    made = store.add("figshare", "7", "  Ada   Lovelace ", ["Hard", "hard", " my  tag "], "first line\r\nsecond")
    assert made.tags == ("hard", "my tag")
    assert made.author == "Ada Lovelace"
    assert made.comment == "first line\nsecond"
    assert store.notes("figshare", "7") == [made]
    code = "from tumortrace.notes import store; print(store.notes()[0].record())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(made.record())


def test_two_processes_write_at_once_and_nothing_is_lost() -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, who], cwd=ROOT) for who in ("ada", "bob")]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    found = store.notes()
    assert len(found) == 50
    assert len({one.id for one in found}) == 50
    assert {one.author for one in found} == {"ada", "bob"}
    assert all(one.comment == f"{one.author} {one.slice_id}" for one in found)
    assert store.tags_in_use() == {"hard": 25}


def test_tags_of_slices_are_counted_over_everybody() -> None:
    store.add("figshare", "1", "ada", ["hard"])
    store.add("figshare", "1", "bob", ["artefact", "hard"])
    store.add("figshare", "2", "bob", [], "only words")
    store.add("phantom", "3", "bob", ["hard"])
    assert store.tags_of("figshare") == {"1": ("hard", "artefact"), "2": ()}
    assert store.tags_of("figshare", ["2", "9"]) == {"2": ()}
    assert store.tags_of("figshare", map(str, range(100_000)))["1"] == ("hard", "artefact")
    assert [one.slice_id for one in store.notes(tag="HARD")] == ["3", "1", "1"]
    assert store.tags_in_use("phantom") == {"hard": 1}


def test_a_change_needs_the_version_that_was_read() -> None:
    made = store.add("figshare", "1", "ada", ["hard"], "a")
    changed = store.change(made.id, made.version, "ada", ["artefact"], "b")
    assert (changed.tags, changed.comment, changed.version) == (("artefact",), "b", 2)
    with pytest.raises(NoteConflict, match="changed in the meantime"):
        store.change(made.id, made.version, "ada", [], "c")
    with pytest.raises(NoteConflict):
        store.remove(made.id, made.version, "ada")
    assert store.notes() == [changed]


def test_a_note_is_changed_and_removed_by_its_author_alone() -> None:
    made = store.add("figshare", "1", "ada", ["hard"])
    with pytest.raises(NotesError, match="somebody else's"):
        store.change(made.id, 1, "bob", ["artefact"], "")
    with pytest.raises(NotesError, match="somebody else's"):
        store.remove(made.id, 1, "bob")
    with pytest.raises(NoteConflict, match="no such note"):
        store.remove(99, 1, "ada")


def test_a_removed_note_can_be_brought_back_once() -> None:
    made = store.add("figshare", "1", "ada", ["hard"], "words")
    version = store.remove(made.id, made.version, "ada")
    assert store.notes() == []
    assert store.tags_of("figshare") == {}
    with pytest.raises(NoteConflict):
        store.remove(made.id, version, "ada")
    store.restore(made.id, version, "ada")
    assert [(one.tags, one.comment, one.version) for one in store.notes()] == [(("hard",), "words", 3)]
    with pytest.raises(NoteConflict):
        store.restore(made.id, version, "ada")


@pytest.mark.parametrize(
    ("author", "tags", "comment", "words"),
    [
        ("", ["hard"], "", "needs a name"),
        ("  ", ["hard"], "", "needs a name"),
        ("ada", [], "  \n ", "says nothing"),
        ("a" * 61, ["hard"], "", "name is too long"),
        ("ada", ["x" * 41], "", "tag is too long"),
        ("ada", [], "x" * 2001, "comment is too long"),
        ("ada", [], "x" * 50_000_000, "comment is too long"),
        ("ada", [f"tag {place}" for place in range(11)], "", "too many tags"),
        ("ada", [], "a\x00b", "no text"),
        ("ada", [], "\ud800", "no text"),
        ("a\x1bda", ["hard"], "", "no text"),
    ],
)
def test_what_is_no_note_is_refused_with_one_sentence(
    author: str, tags: list[str], comment: str, words: str, home: Path
) -> None:
    with pytest.raises(NotesError, match=words) as caught:
        store.add("figshare", "1", author, tags, comment)
    assert len(str(caught.value)) < 400
    assert not home.exists()


@pytest.mark.parametrize(
    "text",
    ["'); DROP TABLE note; --", '<script>alert("x")</script>', "%s {0} \\n", "日本語 🧠 ‮right to left", "a\nb\tc"],
)
def test_hostile_text_is_kept_as_text(text: str) -> None:
    made = store.add("figshare", text.split("\n")[0], "ada", [], text)
    assert store.notes()[0].comment == text == made.comment
    assert store.notes("figshare", text.split("\n")[0]) == [made]
    assert store.notes("' OR 1=1 --") == []


def test_the_longest_note_is_kept() -> None:
    tags = [f"{place}" * note.LONGEST_TAG for place in range(note.MOST_TAGS)]
    made = store.add("d" * 200, "1", "é" * note.LONGEST_AUTHOR, tags, "語" * note.LONGEST_COMMENT)
    assert store.notes()[0] == made


def test_an_older_file_is_brought_up_to_date_and_keeps_its_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    made = store.add("figshare", "1", "ada", ["hard"])
    later = (*schema.MIGRATIONS, "ALTER TABLE note ADD COLUMN colour TEXT; CREATE INDEX coloured ON note (colour)")
    monkeypatch.setattr(schema, "MIGRATIONS", later)
    assert store.notes() == [made]
    with sqlite3.connect(schema.path()) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert connection.execute("SELECT colour FROM note").fetchone() == (None,)
    connection.close()


def test_a_migration_that_fails_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made = store.add("figshare", "1", "ada", ["hard"])
    known = schema.MIGRATIONS
    monkeypatch.setattr(schema, "MIGRATIONS", (*known, "CREATE TABLE half (a); CREATE TABLE half (a)"))
    with pytest.raises(NotesError, match="damaged"):
        store.add("figshare", "2", "ada", ["hard"])
    monkeypatch.setattr(schema, "MIGRATIONS", known)
    assert store.notes() == [made]


def test_a_file_of_a_newer_version_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    store.add("figshare", "1", "ada", ["hard"])
    monkeypatch.setattr(schema, "MIGRATIONS", ())
    for act in (store.notes, lambda: store.add("figshare", "2", "ada", ["hard"])):
        with pytest.raises(NotesError, match="newer TumorTrace"):
            act()


def test_a_file_that_is_no_database_is_one_clear_error(home: Path) -> None:
    home.mkdir()
    schema.path().write_bytes(b"not a database" * 200)
    for act in (store.notes, lambda: store.add("figshare", "1", "ada", ["hard"])):
        with pytest.raises(NotesError, match="damaged"):
            act()


def test_a_full_disk_is_one_clear_error_and_the_old_notes_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    made = store.add("figshare", "1", "ada", ["hard"])
    whole = schema._migrate

    def small(connection: sqlite3.Connection) -> None:
        whole(connection)
        connection.execute("PRAGMA max_page_count = 1")

    monkeypatch.setattr(schema, "_migrate", small)
    with pytest.raises(NotesError, match="disk is full"):
        fill(200)
    monkeypatch.setattr(schema, "_migrate", whole)
    assert store.notes()[-1] == made


def fill(many: int) -> None:
    for place in range(many):
        store.add("figshare", str(place), "ada", ["hard"], "x" * 2000)


def test_a_home_that_cannot_be_made_is_one_clear_error(home: Path) -> None:
    home.write_text("a file where the folder should be")
    with pytest.raises(NotesError, match="cannot be written or read here"):
        store.add("figshare", "1", "ada", ["hard"])
    assert store.notes() == []


def test_somebody_who_keeps_the_file_is_waited_for_and_then_said(monkeypatch: pytest.MonkeyPatch) -> None:
    store.add("figshare", "1", "ada", ["hard"])
    monkeypatch.setattr(schema, "PATIENCE", 0.05)
    other = sqlite3.connect(schema.path(), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(NotesError, match="does not finish"):
        store.add("figshare", "2", "bob", ["hard"])
    assert len(store.notes()) == 1, "a reader waits for nobody"
    other.execute("ROLLBACK")
    other.close()


def test_a_copy_on_a_disk_that_may_not_be_written_is_read(home: Path) -> None:
    made = store.add("figshare", "1", "ada", ["hard"])
    with sqlite3.connect(schema.path()) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    # A folder stands where the shared index would be: no place for it, as on such a disk.
    for suffix in ("-wal", "-shm"):
        Path(f"{schema.path()}{suffix}").unlink(missing_ok=True)
        Path(f"{schema.path()}{suffix}").mkdir()
    assert store.notes() == [made]
    with pytest.raises(NotesError):
        store.add("figshare", "2", "ada", ["hard"])


def test_a_spreadsheet_runs_nothing_of_the_csv() -> None:
    hostile = ["=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "＝1", " =1", 'plain, with "quotes"\nand lines']
    for place, text in enumerate(hostile):
        store.add("figshare", str(place), text, [text] if len(text) < 30 else [], text)
    rows = list(csv.DictReader(io.StringIO(export.to_csv(store.notes()))))
    assert len(rows) == len(hostile)
    for row in rows:
        for cell in row.values():
            assert not cell.startswith(("=", "+", "-", "@", "＝")), cell
    assert rows[-1]["comment"] == "'=1+1"
    assert rows[0]["comment"] == hostile[-1]
    assert export.harmless(-3) == -3


@pytest.mark.parametrize("arguments", [[], ["--tag", "hard"], ["--dataset", "figshare"]])
def test_the_command_line_exports_csv_and_json(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made = store.add("figshare", "7", "ada", ["hard"], "=1")
    store.add("phantom", "7", "ada", ["artefact"])
    chosen = store.notes() if not arguments else [made]

    def run(*words: str) -> str:
        monkeypatch.setattr("sys.argv", ["tumortrace", "notes", "export", *arguments, *words])
        with pytest.raises(SystemExit) as ended:
            main.main()
        assert not ended.value.code
        return capsys.readouterr().out

    assert run() == export.to_csv(chosen)
    assert json.loads(run("--json"))["notes"] == export.to_records(chosen)
    assert run("--out", str(tmp_path / "notes.csv")) == ""
    assert (tmp_path / "notes.csv").read_text() == export.to_csv(chosen)
    assert paths.home() == schema.path().parent
