"""What a page offers where there are no slices yet: phantoms at once, the real dataset in a while."""

from __future__ import annotations

import re

import streamlit as st

from tumortrace import paths
from tumortrace.constants import PHANTOM, SLICES
from tumortrace.data.ingest import background
from tumortrace.ui.shell import cache, layout, state, style

IMPORT_COMMAND = paths.command("data import PATH")


def offer(why: str) -> None:
    """Offer the dataset and synthetic slices, where nothing is imported.

    Args:
        why: What this page would show if there were slices; a sentence.
    """
    none = not cache.dataset_names()
    st.html(style.note(why, "info", "No dataset is imported yet." if none else "No dataset is on show."))
    left, right = st.columns(2, border=True)
    with left:
        st.subheader("Try it at once")
        st.markdown(
            "Make **phantom slices**: synthetic heads with three kinds of tumour-like spots, patients, folds and "
            "outlines. It takes seconds, needs no network, and every page works on them."
        )
        _phantom_button()
    with right:
        st.subheader("Use the real dataset")
        st.markdown(
            f"{SLICES:,} contrast-enhanced T1 slices of 233 patients with the radiologist's outlines, about 880 MB "
            "from figshare, CC BY 4.0."
        )
        download_panel()
    with st.expander("It already lies on this machine"):
        st.markdown(
            "Import it by its path: the published files (folder or the four zips), class folders of pictures or "
            "single DICOM slices, `images/` with a `slices.csv`, or the Kaggle pickles."
        )
        st.code(IMPORT_COMMAND, language="bash")


def offer_real() -> None:
    """The download alone, where only phantoms are there."""
    with st.container(border=True):
        left, right = st.columns([3, 1.4], vertical_alignment="center")
        left.markdown(
            f"**The real dataset** is not imported yet: {SLICES:,} contrast-enhanced T1 slices of 233 patients, about "
            "880 MB from figshare, CC BY 4.0."
        )
        left.caption(f"Where the files already lie on this machine: `{IMPORT_COMMAND}`")
        with right:
            _download_button()
        _watch_download()


def offer_rest(here: int) -> None:
    """The download where only a part of the published slices is imported.

    Args:
        here: How many are.
    """
    with st.container(border=True):
        left, right = st.columns([3, 1.4], vertical_alignment="center")
        left.markdown(
            f"**{here:,} of {SLICES:,}** published slices are imported. The shipped results speak of all of them."
        )
        left.caption("The whole dataset (about 880 MB from figshare, CC BY 4.0) takes the place of this part.")
        with right:
            _download_button(replace=True)
        _watch_download()


def download_panel() -> None:
    """The button, and the progress of the download once it runs."""
    _download_button()
    _watch_download()


def _download_button(*, replace: bool = False) -> None:
    if st.button(
        "Download the real dataset",
        icon=":material/download:",
        disabled=_downloading(),
        key="download_real",
        help=f"Runs `{background.COMMAND}` in the background; a download that was cut off goes on where it stopped.",
    ):
        background.start_download(replace=replace)
        st.rerun()


def _watch_download() -> None:
    st.fragment(_progress, run_every=1.5 if _downloading() else None)()


def _downloading() -> bool:
    found = background.download_status()
    return found is not None and found.running


def _progress() -> None:
    with layout.errors():
        found = background.download_status()
        if found is None:
            return
        if found.running:
            text = (
                f"{found.bytes_here / 1e6:,.0f} of about {background.TOTAL_BYTES / 1e6:,.0f} MB, {found.seconds:,.0f} s"
            )
            if found.share > 0.99:
                text = "Downloaded; reading the slices ..."
            st.progress(found.share, text=text)
            st.session_state["fetch_was_running"] = True
        elif st.session_state.pop("fetch_was_running", False):
            # The page around this fragment is out of date now.
            st.rerun()
        elif found.failed:
            text = "The log says why and what to do; the button tries again and keeps what has arrived."
            st.html(style.note(text, "error", "The download ended without a dataset."))
        if found.log and not found.arrived:
            steps = re.sub(r" (?=\(\d\) )", "\n", found.log)
            st.code(steps, language=None, wrap_lines=True, height=220 if found.log.count("\n") > 8 else "content")


def _phantom_button() -> None:
    if st.button("Make phantom slices", type="primary", icon=":material/science:", key="make_phantoms"):
        from tumortrace.data.phantom import make_phantom

        with layout.errors():
            with st.spinner("Drawing phantom slices ..."):
                make_phantom(name=PHANTOM)
                cache.folds(cache.dataset(PHANTOM))
            st.session_state.pop(state.DATASET, None)
            st.rerun()
