"""Memory for a result that is returned as bytes: written once, never copied, and in large pages where it is large."""

import mmap
from io import BytesIO
from typing import Final

LARGE: Final = 4 * 1024 * 1024
"""From here on there are whole large pages in it, of 2 MiB on most systems. The first touch of memory, page by small page,
takes several times as long as sealing it (measured)."""


def fresh(size: int) -> BytesIO:
    """So many zeros. getbuffer() is where to write; getvalue() then gives the bytes away without a copy."""
    made = BytesIO(bytes(size))
    if size >= LARGE:
        with made.getbuffer() as view:
            _in_large_pages(view)
    return made


def _in_large_pages(view: memoryview) -> None:
    """An advice, not more: a system that has none goes on with small ones."""
    import ctypes  # start-up counts

    libc, advice = ctypes.CDLL(None), getattr(mmap, "MADV_HUGEPAGE", None)
    if advice is None or not hasattr(libc, "madvise"):
        return
    start = ctypes.addressof(ctypes.c_char.from_buffer(view))
    first, end = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE, (start + len(view)) // mmap.PAGESIZE * mmap.PAGESIZE
    libc.madvise(ctypes.c_void_p(first), ctypes.c_size_t(end - first), ctypes.c_int(advice))
