"""The classes of a store, in the order of their numbers and colours; a file of the store keeps them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from pathlib import Path

from samara.annotation.store.store import CLASSES, AnnotationStore
from samara.datasets.annotated import require_category
from samara.errors import DatasetError, SettingsError
from samara.system.files import write_durably

MAX_CLASSES = 10_000


class ClassList:
    """The classes of a store. Threads may share it.

    Args:
        store: the store; without a file, its classes are those of its masks.

    Raises:
        DatasetError: the file is damaged.
    """

    def __init__(self, store: AnnotationStore) -> None:
        self._path = store.folder / CLASSES
        self._lock = threading.Lock()
        self._names = _read(self._path) if self._path.exists() else _of_masks(store)

    @property
    def names(self) -> tuple[str, ...]:
        """The names, in order."""
        return self._names

    def put(self, names: Iterable[str]) -> tuple[str, ...]:
        """Replace the list; on disk when the call returns.

        Raises:
            SettingsError: a name is empty or is there twice, or there are too many.
            OutputError: the file cannot be written.
        """
        with self._lock:
            self._write(tuple(names))
        return self._names

    def add(self, names: Iterable[str | None]) -> None:
        """Append the names that are not there yet."""
        with self._lock:
            new = [name for name in dict.fromkeys(names) if name is not None and name not in self._names]
            if new:
                self._write((*self._names, *new))

    def _write(self, names: tuple[str, ...]) -> None:
        require_classes(names)
        if names != self._names or not self._path.exists():
            write_durably(self._path, json.dumps({"classes": names}, ensure_ascii=False).encode())
            self._names = names


def require_classes(names: tuple[str, ...]) -> None:
    """Check the names of classes.

    Raises:
        SettingsError: a name is empty or is there twice, or there are too many.
    """
    if len(names) > MAX_CLASSES:
        raise SettingsError(f"{len(names)} classes are too many; give at most {MAX_CLASSES}")
    for name in names:
        try:
            require_category(name, "the list of classes")
            name.encode()
        except (DatasetError, UnicodeEncodeError) as error:
            raise SettingsError(f"{name!r:.80} cannot be the name of a class; give some text") from error
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise SettingsError(f"the class {twice!r:.80} is there twice; list each once")


def _read(path: Path) -> tuple[str, ...]:
    try:
        names = json.loads(path.read_bytes())["classes"]
        require_classes(tuple(names))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise DatasetError(f"{path} is damaged ({error!s:.80}); delete it to take the classes of the masks") from error
    return tuple(names)


def _of_masks(store: AnnotationStore) -> tuple[str, ...]:
    found: dict[str | None, None] = {}
    for group in store.mask_columns(["category"]):
        found |= dict.fromkeys(group.column("category").unique().to_pylist())
    return tuple(sorted(name for name in found if name is not None))
