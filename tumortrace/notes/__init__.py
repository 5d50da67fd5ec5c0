"""What people write about slices: tags and comments, in ``TUMORTRACE_HOME/notes.db``. No torch, no streamlit.

::

    note.py     one note, its limits, and what is refused
    schema.py   the file: opened, migrated, and what is said when that fails
    store.py    add, change, remove, restore, read
    export.py   notes as CSV that a spreadsheet does not run, and as records for JSON
"""
