from __future__ import annotations

import numpy as np

from tests.imaging.bad_files import twice, whole_files
from tests.imaging.formats.made import HEAD, head, picture, sliced, zipped
from tumortrace.imaging.formats import Opened, Refused, open_files


def test_a_zip_of_everything_is_opened_and_its_members_are_named() -> None:
    files = {name: data for name, data in whole_files().items() if not name.endswith(".zip")}
    found = open_files([("all.zip", zipped(*((f"in/{name}", data) for name, data in files.items())))])
    assert [each.name for each in found] == [f"all.zip › in/{name}" for name in files]
    assert all(isinstance(each, Opened) for each in found), found


def test_a_zip_of_a_series_is_one_stack_under_the_name_of_its_folder() -> None:
    members = [(f"exam/T1/IM{at}", sliced(30 - 10 * at)) for at in range(4)]
    (found,) = open_files([("exam.zip", zipped(("DICOMDIR", b"x"), *members, ("exam/.DS_Store", b"x")))])
    assert isinstance(found, Opened)
    assert found.name == "exam.zip › exam/T1"
    assert np.array_equal(found.stacks[0].pixels(0), head(seed=100))


def test_a_bad_member_spoils_no_other() -> None:
    found = open_files([("a.zip", zipped(("bad.png", b"no"), ("good.png", picture())))])
    assert [type(each) for each in found] == [Refused, Opened]


def test_two_members_of_one_name_are_both_opened() -> None:
    first, second = open_files([("a.zip", twice())])
    assert isinstance(first, Opened)
    assert isinstance(second, Opened)
    assert (first.name, second.name) == ("a.zip › a.png", "a.zip › a.png (2)")
    assert np.array_equal(first.stacks[0].pixels(0), HEAD)
    assert np.array_equal(second.stacks[0].pixels(0), 255 - HEAD)


def test_what_systems_leave_beside_images_is_skipped_but_not_when_it_is_all_there_is() -> None:
    assert len(open_files([(".DS_Store", b"x"), ("Thumbs.db", b"x"), ("a.png", picture())])) == 1
    (refused,) = open_files([("DICOMDIR", bytes(128) + b"DICM" + b"\x02\x00")])
    assert isinstance(refused, Refused)
