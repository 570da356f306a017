"""Python's search for cycles, made seldom in a process that runs long and leaves few behind."""

import gc

_NEW_OBJECTS_BETWEEN_LOOKS = 20_000


def look_seldom_for_garbage() -> None:
    """To be called once all is made: what there is by now stays to the end, and is never looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS_BETWEEN_LOOKS)
