"""Present: the guided tour for a room, in six steps of large type; the step stands in the address."""

from tumortrace.ui import frame, tour

with frame.stage() as view:
    tour.draw(view.dataset)
