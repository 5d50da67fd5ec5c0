"""What people write about slices: tags and comments, in ``TUMORTRACE_HOME/notes.db``. No torch, no streamlit.

::

    note.py     one note, its limits, and what is refused
    schema.py   the file: opened, migrated, and what is said when that fails
    store.py    add, change, remove, restore, read
    export.py   notes as CSV that a spreadsheet does not run, and as records for JSON
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tumortrace.notes.export import to_csv, to_records
    from tumortrace.notes.note import Note
    from tumortrace.notes.store import add, change, notes, remove, restore, tags_in_use
else:
    from tumortrace.lazy import exports

    __getattr__, __dir__ = exports(
        __name__,
        {
            "export": ("to_csv", "to_records"),
            "note": ("Note",),
            "store": ("add", "change", "notes", "remove", "restore", "tags_in_use"),
        },
    )

__all__ = ["Note", "add", "change", "notes", "remove", "restore", "tags_in_use", "to_csv", "to_records"]
