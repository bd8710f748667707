"""Arrays on disk that grow while their length is not known yet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import dtype_to_descr, write_array_header_1_0
from numpy.typing import NDArray


class GrowingArray:
    """A .npy file of rows; its header tells how many once it is closed (NumPy leaves room for that)."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._rows = 0
        self._kind: tuple[tuple[int, ...], Any] | None = None

    def add(self, rows: NDArray[Any]) -> None:
        """Rows [N, ...] of the first ones' shape and type."""
        if self._kind is None:
            self._kind = rows.shape[1:], rows.dtype
            self._head()
        assert self._kind == (rows.shape[1:], rows.dtype)
        self._file.write(np.ascontiguousarray(rows).data)
        self._rows += len(rows)

    def close(self) -> None:
        """Of an array without rows there is an empty file."""
        if self._kind is not None:
            self._file.seek(0)
            self._head()
        self._file.close()

    def _head(self) -> None:
        assert self._kind is not None
        shape, dtype = self._kind
        about = {"shape": (self._rows, *shape), "fortran_order": False, "descr": dtype_to_descr(dtype)}
        write_array_header_1_0(self._file, about)
