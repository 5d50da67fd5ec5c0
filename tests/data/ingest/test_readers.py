from __future__ import annotations

import json
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from tests.data.sources import LABELS, PATIENTS, SQUARE, mat_bytes, picture, save_image, square_mask
from tumortrace.data.datasets import open_dataset
from tumortrace.data.ingest.importer import import_dataset
from tumortrace.data.ingest.readers.class_folders import class_of
from tumortrace.errors import ImportFailed, UnsafePickle

SUMMARY = {
    "slices": 6,
    "patients": 5,
    "persons": 4,
    "classes": {"meningioma": 2, "glioma": 3, "pituitary": 1},
    "folds": {"1": 2, "2": 1, "3": 1, "4": 1, "5": 1},
}


def test_the_published_folder_is_read_whole(mat_folder: Path) -> None:
    report = import_dataset(mat_folder, workers=1).to_json()
    assert {key: report[key] for key in SUMMARY} == SUMMARY
    assert report["unreadable"] == report["duplicates"] == report["outline_disagreements"] == []
    dataset = open_dataset()
    assert not dataset.synthetic
    assert dataset.manifest["label"].tolist() == [label - 1 for label in LABELS]
    assert dataset.manifest["patient_id"].tolist() == PATIENTS
    assert dataset.manifest["person_id"].tolist()[2:4] == ["MR040240", "MR040240"]


def test_image_and_mask_are_transposed_and_kept_without_loss(mat_folder: Path) -> None:
    import_dataset(mat_folder, workers=1)
    dataset = open_dataset()
    assert np.array_equal(dataset.pixels("3"), picture(3))
    mask = dataset.mask("3")
    assert mask is not None
    assert np.array_equal(mask, square_mask() > 0)
    row = dataset.manifest.iloc[2]
    assert (row.box_x0, row.box_y0, row.box_x1, row.box_y1, row.area_px) == (10, 12, 31, 29, 17 * 21)
    assert row.outline_iou == 1


def test_a_small_slice_keeps_its_size(mat_folder: Path) -> None:
    small = {"image": picture(9, 20, 24).T, "tumorMask": np.zeros((24, 20), np.uint8)}
    (mat_folder / "7.mat").write_bytes(mat_bytes(7, 1, "108931", **small))
    import_dataset(mat_folder, workers=1)
    assert open_dataset().pixels("7").shape == (20, 24)


def test_an_outline_beside_its_mask_is_listed(mat_folder: Path) -> None:
    (mat_folder / "2.mat").write_bytes(mat_bytes(2, tumorMask=np.roll(square_mask(), 9, axis=1).T))
    report = import_dataset(mat_folder, workers=1).to_json()
    assert [item["slice_id"] for item in report["outline_disagreements"]] == ["2"]


def test_the_folds_may_be_an_older_mat_file_and_may_be_missing(mat_folder: Path) -> None:
    savemat(mat_folder / "cvind.mat", {"cvind": np.array([[1], [2], [3], [4], [5], [1]])})
    assert import_dataset(mat_folder, workers=1).folds == {"1": 2, "2": 1, "3": 1, "4": 1, "5": 1}
    (mat_folder / "cvind.mat").unlink()
    report = import_dataset(mat_folder, "without", workers=1)
    assert report.folds == {}
    assert "folds are unknown" in report.unreadable[0]["reason"]


@pytest.mark.parametrize("nested", [None, zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_zips_are_read_like_the_folder(mat_folder: Path, tmp_path: Path, nested: int | None) -> None:
    zips = tmp_path / "zips"
    zips.mkdir()
    for part, numbers in (("a.zip", (1, 2, 3)), ("b.zip", (4, 5, 6))):
        with zipfile.ZipFile(zips / part, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in numbers:
                archive.write(mat_folder / f"{number}.mat", f"folder/{number}.mat")
    (zips / "cvind.mat").write_bytes((mat_folder / "cvind.mat").read_bytes())
    source = zips
    if nested is not None:
        source = tmp_path / "all.zip"
        with zipfile.ZipFile(source, "w", nested) as archive:
            for path in zips.iterdir():
                archive.write(path, path.name)
    report = import_dataset(source, workers=1).to_json()
    assert {key: report[key] for key in SUMMARY} == SUMMARY
    assert np.array_equal(open_dataset().pixels("5"), picture(5))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "published format"),
        (b"junk", "published format"),
        (mat_bytes(2)[:900], "published format"),
        (mat_bytes(2, label=7), "label is 7"),
        (mat_bytes(2, image=np.zeros((3, 4, 5))), "image is"),
        (mat_bytes(2, tumorMask=np.zeros((5, 5), np.uint8)), "mask is"),
    ],
)
def test_a_broken_slice_is_left_out_with_its_reason(mat_folder: Path, data: bytes, reason: str) -> None:
    (mat_folder / "2.mat").write_bytes(data)
    report = import_dataset(mat_folder, workers=1).to_json()
    assert report["slices"] == 5
    assert report["unreadable"][0]["source"] == "2.mat"
    assert reason in report["unreadable"][0]["reason"]


@pytest.mark.parametrize(
    ("folder", "label"),
    [
        ("meningioma", 0), ("Meningioma_Tumor", 0), ("glioma", 1), ("glioma-tumor", 1), ("Pituitary Tumor", 2),
        ("pituitary", 2), ("1", 0), ("2", 1), ("3", 2), ("no_tumor", None), ("notumor", None), ("masks", None),
    ],
)  # fmt: skip
def test_the_spellings_of_class_folders(folder: str, label: int | None) -> None:
    assert class_of(folder) == label


def test_class_folders_are_read_and_patients_stay_unknown(tmp_path: Path) -> None:
    source = tmp_path / "kaggle"
    save_image(source / "Training" / "glioma_tumor" / "image(1).jpg", 1, "JPEG")
    save_image(source / "Training" / "meningioma_tumor" / "image(1).png", 2)
    save_image(source / "Testing" / "glioma_tumor" / "image(1).png", 3)
    save_image(source / "Testing" / "pituitary_tumor" / "p.png", 4)
    save_image(source / "Testing" / "no_tumor" / "n.png", 5)
    (source / "Testing" / "pituitary_tumor" / "broken.png").write_bytes(b"no")
    report = import_dataset(source, workers=1).to_json()
    assert report["name"] == "folders"
    assert (report["slices"], report["patients"], report["persons"], report["folds"]) == (4, None, None, {})
    reasons = " ".join(f"{item['source']} {item['reason']}" for item in report["unreadable"])
    assert "no_tumor" in reasons
    assert "broken.png" in reasons
    manifest = open_dataset("folders").manifest
    assert manifest["patient_id"].isna().all()
    assert manifest["area_px"].isna().all()


def test_images_with_a_table_are_read(tmp_path: Path) -> None:
    source = tmp_path / "table"
    for number in (1, 2, 3):
        save_image(source / "images" / f"{number}.png", number)
    (source / "slices.csv").write_text(
        "slice_id,label,class_name,patient_id,official_fold,border_xy\n"
        '1,1,meningioma,100360,3,"10,12 30,12 30,28 10,28"\n2,2,glioma,MR040240C,1,\n3,9,what,1,1,\n4,1,m,1,1,\n'
    )
    report = import_dataset(source, workers=1).to_json()
    assert report["slices"] == 2
    assert len(report["unreadable"]) == 2
    row = open_dataset().manifest.iloc[0]
    assert (row.label, row.patient_id, row.official_fold, row.box_x0) == (0, "100360", 3, 10)


def test_suffixes_of_any_case_are_read_and_the_rest_is_counted(tmp_path: Path) -> None:
    source = tmp_path / "mixed"
    for number, (suffix, kind) in enumerate({"PNG": "PNG", "tif": "TIFF", "bmp": "BMP", "webp": "WEBP"}.items()):
        save_image(source / "glioma" / f"{number}.{suffix}", number, kind)
    save_image(source / "glioma" / "5.jfif", 5, "JPEG")
    (source / "glioma" / "6.DCM").write_bytes(bytes(128) + b"DICM" + bytes(200))
    for name in ("a.txt", "b.txt", "c.mha", ".DS_Store"):
        (source / "glioma" / name).write_bytes(b"x")
    report = import_dataset(source, workers=1).to_json()
    assert report["slices"] == 5
    reasons = {item["source"]: item["reason"] for item in report["unreadable"]}
    assert reasons["glioma"] == "3 files left out, no kind of picture known here: .txt 2, .mha 1"
    assert "DICOM" in reasons["glioma/6.DCM"]
    assert len(reasons) == 2


def test_real_numbers_of_a_dataset_keep_their_steps(tmp_path: Path) -> None:
    real = (np.arange(48 * 40) / (48 * 40 - 1)).reshape(40, 48).astype(np.float32)
    (tmp_path / "glioma").mkdir()
    Image.fromarray(real).save(tmp_path / "glioma" / "1.tif")
    import_dataset(tmp_path, workers=1)
    dataset = open_dataset("folders")
    read = dataset.pixels(str(dataset.manifest["slice_id"].iloc[0]))
    assert np.allclose(read / 65535, real, atol=1e-4)


def test_a_table_may_name_the_persons(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        save_image(tmp_path / "images" / f"{number}.PNG", number)
    lines = [
        "slice_id,label,patient_id,person_id",
        "1,1,sub-01_ses-1,sub-01",
        "2,1,sub-01_ses-2,sub-01",
        "3,2,MR040240B,",
    ]
    (tmp_path / "slices.csv").write_text("\n".join(lines))
    report = import_dataset(tmp_path, "own", workers=1)
    assert (report.patients, report.persons) == (3, 2)
    assert open_dataset("own").manifest["person_id"].tolist() == ["sub-01", "sub-01", "MR040240"]


def test_slices_that_an_older_matlab_saved_are_read(mat_folder: Path) -> None:
    cjdata = {
        "label": 2.0, "PID": "MR040240", "image": picture(2), "tumorBorder": np.array(SQUARE).reshape(-1, 1),
        "tumorMask": square_mask(),
    }  # fmt: skip
    import_dataset(mat_folder, "new", workers=1)
    (mat_folder / "3.mat").unlink()
    savemat(mat_folder / "3.MAT", {"cjdata": cjdata | {"image": picture(3)}})
    report = import_dataset(mat_folder, "old", workers=1)
    assert report.unreadable == []
    assert open_dataset("old").fingerprint == open_dataset("new").fingerprint
    assert (
        open_dataset("old").manifest.drop(columns="source").equals(open_dataset("new").manifest.drop(columns="source"))
    )


@pytest.mark.parametrize("form", ["pairs", "object pairs", "array and labels", "list and labels"])
def test_the_kaggle_pickles_in_the_forms_they_come(tmp_path: Path, form: str) -> None:
    images = [picture(number, high=200).astype(np.uint8) for number in range(3)]
    labels = [1, 2, 3]
    if form == "object pairs":
        data = np.empty((3, 2), dtype=object)
        data[:, 0], data[:, 1] = images, labels
    else:
        data = {
            "pairs": [list(pair) for pair in zip(images, labels, strict=True)],
            "array and labels": np.stack(images),
            "list and labels": images,
        }[form]
    (tmp_path / "training_data.pickle").write_bytes(pickle.dumps(data))
    if "labels" in form:
        (tmp_path / "labels.pickle").write_bytes(pickle.dumps(np.array(labels)))
    report = import_dataset(tmp_path, workers=1).to_json()
    assert report["name"] == "kaggle"
    assert report["classes"] == {"meningioma": 1, "glioma": 1, "pituitary": 1}
    assert np.array_equal(open_dataset("kaggle").pixels("2"), images[1])


class Malicious:
    def __init__(self, trace: str) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {self.trace}",)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_malicious_pickle_is_refused_and_not_executed(tmp_path: Path, protocol: int) -> None:
    trace = tmp_path / "executed"
    (tmp_path / "training_data.pickle").write_bytes(pickle.dumps([Malicious(str(trace))], protocol))
    with pytest.raises(UnsafePickle, match="system"):
        import_dataset(tmp_path)
    assert not trace.exists()


def test_a_truncated_pickle_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "training_data.pickle").write_bytes(pickle.dumps([np.zeros((20, 20))])[:40])
    with pytest.raises(ImportFailed, match="broken"):
        import_dataset(tmp_path)


def test_what_is_not_there_or_not_recognised_says_what_would_be(tmp_path: Path) -> None:
    with pytest.raises(ImportFailed, match="nothing to import"):
        import_dataset(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImportFailed, match="class folders"):
        import_dataset(tmp_path / "empty")


def test_what_was_imported_is_a_plain_picture_and_plain_json(mat_folder: Path) -> None:
    import_dataset(mat_folder, workers=1)
    dataset = open_dataset()
    with Image.open(dataset.image_path("1")) as image:
        assert image.size == (48, 40)
    assert json.loads((dataset.folder / "dataset.json").read_text())["report"]["slices"] == 6
