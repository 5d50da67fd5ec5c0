"""Present: the guided tour for a room, in six steps of large type; the step stands in the address."""

from tumortrace.ui.shell import layout
from tumortrace.ui.tour import page

with layout.stage() as view:
    page.render(view.dataset)
