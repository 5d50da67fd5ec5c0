"""Notes on slices: read and written beside a slice, and all of them as a list with a filter and a file."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import streamlit as st

from tumortrace import paths
from tumortrace.errors import NotesError
from tumortrace.notes import export, note, store
from tumortrace.notes.note import Note
from tumortrace.ui.errors import address
from tumortrace.ui.shell import cache, layout, state, style

PAGE_SIZE: Final = 15
TRUST: Final = "There are no accounts here: a name is taken on trust, and only tells notes apart."


def tags_of(dataset: str) -> dict[str, tuple[str, ...]]:
    """Slice id to its tags, of a dataset's slices that have a note; where notes cannot be read, that is said once."""
    with layout.errors():
        return store.tags_of(dataset)
    return {}


def render(dataset: str, slice_id: str) -> None:
    """The notes on a slice, and the form for another."""
    st.markdown("**Notes**")
    with layout.errors():
        for one in store.notes(dataset, slice_id):
            _one(one)
        _undo()
        _failed()
        _author()
        _form(dataset, slice_id)


def render_list(dataset: str | None) -> None:
    """Draw the view Notes: all notes, with filters and an export.

    Args:
        dataset: Of the model on show: its slices can be opened here.
    """
    with layout.errors():
        counts = store.tags_in_use()
        every = store.notes()
        _undo()
        _failed()
        if not every:
            text = "Open a slice under Mistakes: tags and comments are written beside it, and stand here for everybody."
            st.html(style.note(text, "info", "No notes yet."))
            return
        left, right = st.columns([3, 2], vertical_alignment="bottom")
        if st.session_state.get(state.NOTES_FILTER) not in (None, *counts):
            st.session_state[state.NOTES_FILTER] = None
        with left:
            tag = st.pills(
                "Tag", list(counts), key=state.NOTES_FILTER, persist_state="session", wrap=True,
                format_func=lambda name: f"{name} · {counts[name]:,}",
            )  # fmt: skip
        with right:
            _author()
        shown = [one for one in every if tag is None or tag in one.tags]
        slices = len({(one.dataset, one.slice_id) for one in shown})
        on = f"{slices:,} slice" if slices == 1 else f"{slices:,} slices"
        st.markdown(f"**{len(shown):,}** of {len(every):,} notes, on {on}. The newest first.")
        st.download_button(
            "tumortrace_notes.csv", lambda: export.to_csv(shown), "tumortrace_notes.csv", "text/csv", type="tertiary",
            icon=":material/download:", on_click="ignore", key="csv_notes",
            help=f"The notes shown. From the command line: {paths.command('notes export')}, with --json too.",
        )  # fmt: skip
        pages = (len(shown) - 1) // PAGE_SIZE + 1
        if st.session_state.get(state.NOTES_PAGE, 1) > pages:
            st.session_state[state.NOTES_PAGE] = 1
        page = st.pagination(pages, key=state.NOTES_PAGE, persist_state="session") if pages > 1 else 1
        for one in shown[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]:
            _listed(one, dataset)


def left_over() -> None:
    """All notes where no model is at hand; nothing where there are none."""
    with layout.errors():
        if store.notes():
            st.subheader("Notes", anchor=False)
            render_list(None)


def _listed(one: Note, dataset: str | None) -> None:
    with st.container(border=True, horizontal=True, key=f"note_{one.id}"):
        here = one.dataset in cache.dataset_names()
        if here and one.slice_id in cache.places(cache.dataset(one.dataset)):
            picture = cache.thumbnail(cache.dataset(one.dataset), one.slice_id, 168, outline=True)
            with st.container(width=84):
                st.image(picture, width="stretch", alt=f"Slice {one.slice_id}")
        with st.container(gap=None):
            st.button(
                f"Slice {one.slice_id} of {one.dataset}", key=f"open_note_{one.id}", type="tertiary",
                disabled=one.dataset != dataset, on_click=address.open_slice, args=(one.slice_id, 0, "mistakes"),
                help=None if one.dataset == dataset else "Choose a model that was tested on this dataset.",
            )  # fmt: skip
            _one(one)


def _one(one: Note) -> None:
    changed = f" · changed {_when(one.changed)}" if one.version > 1 else ""
    st.html(style.noted(one.author, f"{_when(one.created)}{changed}", one.tags, one.comment))
    if one.author != _name():
        return
    with st.container(horizontal=True, gap="small", key=f"tiles-note_{one.id}"):
        if st.button("Change", key=f"change_note_{one.id}", type="tertiary", icon=":material/edit:"):
            _change(one)
        st.button(
            "Remove", key=f"remove_note_{one.id}", type="tertiary", icon=":material/delete:", on_click=_remove,
            args=(one,), help="It can be brought back right after.",
        )  # fmt: skip


@st.dialog("Change a note")
def _change(one: Note) -> None:
    if st.session_state.pop(state.NOTES_CHANGED, False):
        st.rerun()
    _failed()
    # Names carry the version: after somebody else's change the fields begin anew from what stands there.
    name = f"{one.id}_{one.version}"
    with st.form(f"change_{name}", border=False):
        known = list(dict.fromkeys([*note.TAGS, *one.tags]))
        st.pills("Tags", known, selection_mode="multi", default=list(one.tags), key=f"tags_{name}", wrap=True)
        st.text_input("A tag of your own", max_chars=note.LONGEST_TAG, key=f"own_{name}")
        st.text_area("Comment", one.comment, max_chars=note.LONGEST_COMMENT, key=f"comment_{name}")
        st.form_submit_button("Save the change", type="primary", on_click=_changed, args=(one, name))


def _changed(one: Note, name: str) -> None:
    held = st.session_state
    tags, own, comment = (held.get(f"{field}_{name}") for field in ("tags", "own", "comment"))
    try:
        store.change(one.id, one.version, one.author, [*(tags or []), own or ""], comment or "")
    except NotesError as error:
        held[state.NOTES_FAILED] = error
    else:
        held[state.NOTES_CHANGED] = True


def _form(dataset: str, slice_id: str) -> None:
    known = list(dict.fromkeys([*note.TAGS, *store.tags_in_use(dataset)]))
    with st.form(f"note_form_{slice_id}"):
        st.pills("Tags", known, selection_mode="multi", key=f"{state.NOTES_TAGS}:{slice_id}", wrap=True)
        st.text_input("A tag of your own", max_chars=note.LONGEST_TAG, key=f"{state.NOTES_OWN_TAG}:{slice_id}")
        st.text_area(
            "Comment", max_chars=note.LONGEST_COMMENT, height=80, key=f"{state.NOTES_COMMENT}:{slice_id}"
        )  # fmt: skip
        st.form_submit_button(
            "Save the note", icon=":material/edit_note:", on_click=_save, args=(dataset, slice_id)
        )  # fmt: skip


def _author() -> None:
    st.text_input(
        "Your name", key=state.NOTES_AUTHOR, max_chars=note.LONGEST_AUTHOR, persist_state="session", help=TRUST,
        placeholder="on your notes, for instance initials",
    )  # fmt: skip


def _save(dataset: str, slice_id: str) -> None:
    held = st.session_state
    keys = [f"{name}:{slice_id}" for name in (state.NOTES_TAGS, state.NOTES_OWN_TAG, state.NOTES_COMMENT)]
    tags, own, comment = (held.get(key) for key in keys)
    try:
        store.add(dataset, slice_id, _name(), [*(tags or []), own or ""], comment or "")
    except NotesError as error:
        held[state.NOTES_FAILED] = error  # what was typed stays in its fields
        return
    held[keys[0]], held[keys[1]], held[keys[2]] = [], "", ""
    st.toast("The note is kept.", icon=":material/edit_note:")


def _remove(one: Note) -> None:
    try:
        st.session_state[state.NOTES_REMOVED] = (one.id, store.remove(one.id, one.version, one.author), one.author)
    except NotesError as error:
        st.session_state[state.NOTES_FAILED] = error


def _undo() -> None:
    gone: Any = st.session_state.get(state.NOTES_REMOVED)
    if gone is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="undo"):
        st.caption("Your note is removed.")
        st.button("Bring it back", key="notes_undo", icon=":material/undo:", on_click=_restore, args=gone)
        st.button("Dismiss", key="notes_done", type="tertiary", on_click=_forget)


def _restore(number: int, version: int, author: str) -> None:
    try:
        store.restore(number, version, author)
    except NotesError as error:
        st.session_state[state.NOTES_FAILED] = error
    _forget()


def _forget() -> None:
    st.session_state.pop(state.NOTES_REMOVED, None)


def _failed() -> None:
    """Why the last note was not kept, once."""
    error = st.session_state.pop(state.NOTES_FAILED, None)
    if error is not None:
        st.html(style.error_box(error))


def _name() -> str:
    return " ".join(str(st.session_state.get(state.NOTES_AUTHOR) or "").split())


def _when(stamp: str) -> str:
    return f"{datetime.fromisoformat(stamp):%d %b %Y, %H:%M} UTC"
