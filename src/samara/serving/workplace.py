"""What the routes work with: images, store, classes, checkpoints, threads and limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from samara.annotation.editing.classes import ClassList
from samara.annotation.editing.editor import StoreEditor
from samara.engines.loaded import Loaded
from samara.errors import PromptError, SettingsError
from samara.images.read import image_size, read_image
from samara.segmentation.embedding_store import EmbeddingStore
from samara.serving.bodies import Subject
from samara.serving.decoding import bytes_of_base64
from samara.serving.folder import ServedFolder
from samara.serving.networks import Embedded, Pixels, ServedNetwork
from samara.serving.refusals import Refused, not_found
from samara.serving.settings import ServeSettings
from samara.serving.turns import Turns, Urgency

READERS = 2
"""Threads that decode images: more would need more memory than a laptop has."""


@dataclass(frozen=True, eq=False)
class Workplace:
    """What the routes work with.

    Attributes:
        editor: editor of the store.
        classes: its classes.
        folder: its images.
        networks: checkpoints by name; the first is the default.
        heavy: threads for image encoders and automatic masks.
        readers: threads that decode images.
        writer: thread that reads and writes the store.
        settings: limits.
    """

    editor: StoreEditor
    classes: ClassList
    folder: ServedFolder
    networks: dict[str, ServedNetwork]
    heavy: Turns
    readers: Turns
    writer: Turns
    settings: ServeSettings

    @classmethod
    def of(
        cls, editor: StoreEditor, loaded: Sequence[Loaded], embeddings: EmbeddingStore, settings: ServeSettings
    ) -> Workplace:
        """Put everything together.

        Raises:
            SettingsError: two checkpoints have the same name.
        """
        names = [one.name for one in loaded]
        if len(set(names)) < len(names):
            raise SettingsError(f"two checkpoints are called {names}; give each a name with `samara checkpoints add`")
        waiting = settings.max_waiting
        heavy = Turns("samara-heavy", max_waiting=waiting)
        return cls(
            editor,
            ClassList(editor.store),
            ServedFolder(editor, settings.max_pixels),
            {one.name: ServedNetwork(one, embeddings, heavy, waiting) for one in loaded},
            heavy,
            Turns("samara-read", threads=READERS, max_waiting=waiting),
            Turns("samara-store", max_waiting=waiting),
            settings,
        )

    def network(self, name: str | None) -> ServedNetwork:
        """Return a checkpoint; the first one if no name is given.

        Raises:
            Refused: there is none of this name.
        """
        found = next(iter(self.networks.values())) if name is None else self.networks.get(name)
        if found is None:
            raise not_found(f"there is no checkpoint {name!r:.80} here; use {', '.join(self.networks)}")
        return found

    async def embedded(self, network: ServedNetwork, subject: Subject, urgency: Urgency = Urgency.NOW) -> Embedded:
        """Return the embedded image that a request is about.

        Raises:
            Refused: there is no such image or embedding, or too many requests are waiting.
            PromptError: it names none, or several.
            ImageError: the image cannot be read.
        """
        given = [name for name in ("image", "embedding", "image_data") if getattr(subject, name) is not None]
        if len(given) != 1:
            raise PromptError("say which image is meant: give one of image, embedding and image_data")
        if subject.image is not None:
            version = await self.readers.run(partial(self.folder.version, subject.image))
            return await network.embed(version, partial(self.folder.pixels, subject.image), urgency)
        if subject.image_data is not None:
            data = bytes_of_base64(subject.image_data)
            return await self.embedded_bytes(network, data, urgency)
        known = await self.readers.run(partial(network.remembered, subject.embedding))
        if known is None:
            raise not_found("this embedding is no longer here; embed the image again")
        return known

    async def embedded_bytes(
        self, network: ServedNetwork, data: bytes, urgency: Urgency = Urgency.NOW, name: object = None
    ) -> Embedded:
        """Return an encoded image, embedded.

        Args:
            network: the checkpoint.
            data: bytes of its file.
            urgency: how soon.
            name: name under which `ServedNetwork.remembered` finds it, besides its key; None for none.

        Raises:
            Refused: it is too large, or too many requests are waiting.
            ImageError: it cannot be read.
        """
        pixels = await self.readers.run(partial(self._pixels, data))
        return await network.embed(name, lambda: pixels, urgency)

    def _pixels(self, data: bytes) -> Pixels:
        height, width = image_size(data)
        if height * width > self.settings.max_pixels:
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"the image has {width} x {height} pixels, more than {self.settings.max_megapixels:g} megapixels; send "
                "a smaller one",
            )
        return read_image(data, max_pixels=self.settings.max_pixels)

    def close(self) -> None:
        """End all threads, after their present work."""
        for turns in (self.heavy, self.readers, self.writer):
            turns.close()
        for network in self.networks.values():
            network.close()
