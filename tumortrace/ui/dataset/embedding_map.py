"""The map of the embedding: slices that look alike to a shipped model lie together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd
import streamlit as st

from tumortrace import paths
from tumortrace.charts import embedding as charts
from tumortrace.charts import theme
from tumortrace.config import model_title
from tumortrace.constants import CLASSES, PROTOCOL_NOTES, PROTOCOLS
from tumortrace.data.datasets import Dataset
from tumortrace.inference import embedding
from tumortrace.inference.embedding import Embedding
from tumortrace.ui.dataset import lookups
from tumortrace.ui.shell import results_index, state, style

PLOT: Final = "plot_map"
_CONFIG: Final = {"displaylogo": False, "displayModeBar": True, "scrollZoom": True,
                  "modeBarButtonsToRemove": ["autoScale2d"]}  # fmt: skip
_VERDICTS: Final = {"not tested": theme.NEUTRAL, "right": theme.SERIES[0], "wrong": theme.SERIES[1]}
_PLANES: Final = {"axial": theme.SERIES[0], "coronal": theme.SERIES[1], "sagittal": theme.SERIES[2]}
_UNKNOWN: Final = "unknown"


def render(dataset: Dataset, rows: pd.DataFrame) -> None:
    """Draw the section Map; rows as :func:`tumortrace.ui.gallery.rows.rows_of` gives them."""
    found = lookups.the_map(dataset)
    if found is None:
        _offer(dataset)
        return
    frame = _joined(found, rows)
    figure = _coloured(dataset, frame)

    def taken() -> None:
        ids = chosen(st.session_state.get(PLOT), frame["slice_id"].tolist())
        st.session_state[state.MAP_SELECTED] = (dataset.name, tuple(ids))

    # Told by the callback: a map in another colour is a new figure, whose selection begins empty.
    st.plotly_chart(
        figure, width="stretch", key=PLOT, config=_CONFIG, alt=theme.alt_text(figure), on_select=taken,
        selection_mode=("points", "box", "lasso"),
    )  # fmt: skip
    name, ids = st.session_state.get(state.MAP_SELECTED, (dataset.name, ()))
    _selected(dataset, rows, list(ids) if name == dataset.name else [])
    _about(dataset, found, rows)


def chosen(event: Any, known: Sequence[str]) -> list[str]:
    """The slices of a selection event, each once, in the order of the map; none where nothing is selected."""
    points = event["selection"]["points"] if event else []
    # The symbols of the legend are points too, without a slice.
    held = {str(point["customdata"][0]) for point in points if point.get("customdata")}
    return [slice_id for slice_id in known if slice_id in held]


def _joined(found: Embedding, rows: pd.DataFrame) -> pd.DataFrame:
    """The points with what is known of their slices, in the rows' order of classes."""
    joined = found.points.astype({"slice_id": "string"}).merge(rows, on="slice_id", how="inner")
    # As they are kept; in single precision four digits become seventeen on their way to the browser.
    rounded = {name: joined[name].astype("float64").round(4) for name in ("x", "y")}
    return joined.assign(patient_id=joined["patient_id"].fillna(_UNKNOWN), **rounded)


def _coloured(dataset: Dataset, frame: pd.DataFrame) -> Any:
    of_this = [source for source in results_index.result_sources() if source.dataset_name == dataset.name]
    usable = [name for name in PROTOCOLS if frame[name].notna().any()]
    options = {
        "Class": True, "Person": frame["person_id"].notna().any(), "Fold": bool(usable),
        "Plane": frame["plane"].notna().any(), "Error": bool(of_this), "Tumour size": frame["area_px"].notna().any(),
    }  # fmt: skip
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        by = st.segmented_control(
            "Colour", [name for name, there in options.items() if there], default="Class", required=True,
            key=state.MAP_COLOUR, persist_state="session",
        )  # fmt: skip
    with right:
        return _BY[by or "Class"](frame, usable, of_this)


def _by_class(frame: pd.DataFrame, usable: list[str], of_this: list[results_index.ResultSource]) -> Any:
    return charts.by_group(frame.assign(group=frame["class_name"]), dict(theme.CLASS_COLOURS), "class")


def _by_person(frame: pd.DataFrame, usable: list[str], of_this: list[results_index.ResultSource]) -> Any:
    known = frame["person_id"].fillna(_UNKNOWN)
    counts = known[known != _UNKNOWN].value_counts()
    person = st.selectbox(
        "Person", counts.index.tolist(), index=None, placeholder="all (seven colours take turns)",
        key=state.MAP_PERSON, format_func=lambda name: f"{name} ({counts[name]:,} slices)", persist_state="session",
    )  # fmt: skip
    return charts.by_person(frame.assign(group=known), person)


def _by_fold(frame: pd.DataFrame, usable: list[str], of_this: list[results_index.ResultSource]) -> Any:
    protocol = st.selectbox("Protocol", usable, key=state.MAP_PROTOCOL, persist_state="session")
    folds = sorted(int(fold) for fold in frame[protocol].dropna().unique())
    words = frame[protocol].map(lambda fold: f"fold {int(fold)}", na_action="ignore").fillna(_UNKNOWN)
    colours = {f"fold {fold}": theme.SERIES[place % len(theme.SERIES)] for place, fold in enumerate(folds)}
    st.caption(PROTOCOL_NOTES[protocol])
    return charts.by_group(frame.assign(group=words), {_UNKNOWN: theme.NEUTRAL, **colours}, f"fold of {protocol}")


def _by_plane(frame: pd.DataFrame, usable: list[str], of_this: list[results_index.ResultSource]) -> Any:
    st.caption("Estimated from the published numbering; the dataset does not say.")
    words = frame["plane"].fillna(_UNKNOWN)
    return charts.by_group(frame.assign(group=words), {_UNKNOWN: theme.NEUTRAL, **_PLANES}, "plane")


def _by_error(frame: pd.DataFrame, usable: list[str], of_this: list[results_index.ResultSource]) -> Any:
    source = results_index.choose_source(of_this, state.MAP_SOURCE)
    wrong = ~results_index.joined(source).groupby("slice_id")["correct"].all()
    verdict = frame["slice_id"].map(wrong.map({True: "wrong", False: "right"})).fillna("not tested")
    st.caption(f"Out of fold: the model had not seen the slice. {results_index.rests_on(source.report)}")
    return charts.by_group(frame.assign(group=verdict), _VERDICTS, "error")


def _by_size(frame: pd.DataFrame, usable: list[str], of_this: list[results_index.ResultSource]) -> Any:
    whole = frame["height"].astype("Float64") * frame["width"].astype("Float64")
    share = (frame["area_px"].astype("Float64") / whole).astype("float64")
    words = share.map(lambda value: f"tumour {value:.1%} of the slice", na_action="ignore").fillna("size unknown")
    return charts.by_value(frame.assign(group=words, value=share), "Tumour area, share of the slice")


_BY: Final = {
    "Class": _by_class, "Person": _by_person, "Fold": _by_fold, "Plane": _by_plane, "Error": _by_error,
    "Tumour size": _by_size,
}  # fmt: skip


def _selected(dataset: Dataset, rows: pd.DataFrame, slice_ids: list[str]) -> None:
    if not slice_ids:
        st.caption(
            "Draw a lasso around points, or a box (buttons above the map): their slices show here. A click takes one "
            "point; a double click lets go. Zoom with the wheel."
        )
        return
    names = rows.loc[rows["slice_id"].isin(slice_ids), "class_name"].value_counts()
    persons = rows.loc[rows["slice_id"].isin(slice_ids), "person_id"].nunique()
    of = f", {persons:,} {'person' if persons == 1 else 'persons'}" if persons else ""
    many = "slice" if len(slice_ids) == 1 else "slices"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{len(slice_ids):,} {many}**{of}", width="content")
        st.html(
            "".join(style.class_chip(place, f": {names.get(name, 0):,}") for place, name in enumerate(CLASSES)),
            width="content",
        )
        lookups.to_gallery(slice_ids, f"{len(slice_ids):,} {many} from the map", "map_to_gallery")
        st.button("Let go", key="map_clear", type="tertiary", icon=":material/close:", on_click=_clear)
    lookups.strip(dataset, rows, slice_ids, "map")
    if len(slice_ids) > 12:
        st.caption(f"12 of the {len(slice_ids):,}, taken evenly.")


def _clear() -> None:
    st.session_state.pop(state.MAP_SELECTED, None)


def _about(dataset: Dataset, found: Embedding, rows: pd.DataFrame) -> None:
    facts = found.facts
    title = model_title(facts["model"])
    part = f"{facts['n']:,} slices"
    if facts["of"] > facts["n"]:
        part = f"{facts['n']:,} of {facts['of']:,} slices, drawn at random"
    if dataset.synthetic:
        seen = f"{title} was trained on real slices and has never seen these."
    else:
        seen = f"{title} was trained on {facts['trained_on']}.{_already_seen(dataset, found, rows)}"
    st.html(style.note(seen, "info", "What the model has seen."))
    st.caption(
        f"{part} as the last layer of {title} sees them: {facts['method']}, seed {facts['seed']}. Neighbours on the "
        "map are alike to the model; how far apart two distant groups lie, and how large a group is, say little."
    )
    loaded = embedding.embedding_model()
    if loaded is not None and (loaded.name, loaded.card["weights_sha256"]) != (facts["model"], facts["weights_sha256"]):
        text = f"It was made with {title} as it was then; {loaded.title} ships now. This makes it anew:"
        st.html(style.note(text, "warn", "The map is older than the weights."))
        st.code(paths.command("publish-map"), language="bash")


def _already_seen(dataset: Dataset, found: Embedding, rows: pd.DataFrame) -> str:
    """How many of the slices the model has seen in training, and what that does to the map."""
    if not embedding.is_published(dataset.manifest):
        return ""
    protocol, fold = found.facts["held_out"]["protocol"], found.facts["held_out"]["fold"]
    count = len(rows) - int((rows[protocol] == fold).sum())
    which = f"{count:,} of these {len(rows):,}" if fold else "all of these"
    rest = f"; fold {fold} of {protocol} alone is new to it (colour by fold to see it)" if fold else ""
    return (
        f" So it has seen {which} slices with their labels: classes lie further apart here than those of new patients "
        f"would{rest}."
    )


def _offer(dataset: Dataset) -> None:
    loaded = embedding.embedding_model()
    count = len(dataset.manifest)
    if loaded is None:
        text = "The map shows slices where a shipped model sees them. Publish a run, or restore artifacts/."
        st.html(style.note(text, "info", "No trained model is shipped with this copy."))
        return
    if count < embedding.LEAST:
        st.html(style.note(f"It takes {embedding.LEAST} slices or more.", "info", "Too few slices for a map."))
        return
    part = (
        f"{count:,} slices" if count <= embedding.MOST else f"{embedding.MOST:,} of {count:,} slices, drawn at random,"
    )
    text = f"{loaded.title} looks at {part} once; that takes about {_minutes(min(count, embedding.MOST))}, and is kept."
    st.html(style.note(text, "info", "No map has been made of this dataset yet."))
    if not st.button("Make the map", key="map_make", icon=":material/scatter_plot:", type="primary"):
        return
    bar = st.progress(0.0, "Loading the model ...")
    from tumortrace.inference.embedding_fit import map_here

    def told(done: int, total: int) -> None:
        bar.progress(0.8 * done / total, f"{done:,} of {total:,} slices" if done < total else "Laying them out ...")

    map_here(dataset, told)
    bar.empty()
    st.rerun()


def _minutes(count: int) -> str:
    seconds = 10 + count / 40
    return f"{round(seconds, -1):.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"
