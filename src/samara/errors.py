"""What can go wrong, as a tree.

    SamaraError
    ├── ImageError            (ValueError)   an image cannot be read or converted without guessing
    ├── PromptError           (ValueError)   a point, box or mask input makes no sense
    ├── SettingsError         (ValueError)   an option or a combination of options is not accepted
    ├── DeviceError           (RuntimeError) the device or precision asked for is not there
    ├── MissingExtra          (ImportError)  an optional library is needed and not installed
    ├── EmbeddingError        (ValueError)   a saved embedding is damaged or belongs to another encoder
    ├── OutputError           (OSError)      a result cannot be written, or would overwrite what is not ours
    ├── AnnotationStopped     (RuntimeError) a data set cannot be annotated further; what is done is safe
    ├── ExportError           (RuntimeError) an exported network does not compute what it should
    ├── DatasetError          (ValueError)   a ground-truth file or folder is damaged or not understood
    ├── RecordError           (ValueError)   a file of measurements is damaged, or of a newer version
    └── CheckpointError
        ├── UnknownCheckpoint       (KeyError)   no catalogue entry and no file of that name
        ├── UnrecognisedCheckpoint  (ValueError) the file is not a checkpoint that we know
        ├── UnsafeCheckpoint        (ValueError) the file asks for code to be run; nothing was run
        ├── WrongCheckpoint         (ValueError) a fine file, but not for what was asked
        ├── DownloadFailed          (OSError)    the server did not give the file
        └── ChecksumMismatch        (OSError)    size or SHA-256 differ from the catalogue

Every message is one sentence or two: what was given, what is accepted, what to do next.
"""

from __future__ import annotations


class SamaraError(Exception):
    """Base of every error that samara raises on purpose."""

    def __str__(self) -> str:
        # KeyError shows repr(message); a sentence in quotes with escapes is no sentence.
        return str(self.args[0]) if self.args else ""


class ImageError(SamaraError, ValueError):
    """An image cannot be read, or not be converted to 8-bit RGB without guessing."""


class PromptError(SamaraError, ValueError):
    """A prompt is malformed, outside the image, or not supported by the checkpoint."""


class SettingsError(SamaraError, ValueError):
    """An option has a value, or a combination of values, that is not accepted."""


class DeviceError(SamaraError, RuntimeError):
    """The device or precision asked for is not available on this machine."""


class MissingExtra(SamaraError, ImportError):
    """An optional library is needed; the message holds the install command."""


class EmbeddingError(SamaraError, ValueError):
    """An image embedding is damaged, or was made by another image encoder than the one that shall use it."""


class OutputError(SamaraError, OSError):
    """A result cannot be written, or writing it would overwrite somebody's file."""


class AnnotationStopped(SamaraError, RuntimeError):
    """Annotating a data set cannot go on; what was annotated is safe, and the work can be resumed."""


class ExportError(SamaraError, RuntimeError):
    """An exported network, run by its own runtime, does not give what PyTorch gives."""


class DatasetError(SamaraError, ValueError):
    """A ground-truth file or folder is damaged or not understood; the message names the file and the annotation."""


class RecordError(SamaraError, ValueError):
    """A record of a measurement is damaged or contradicts itself, or was written by a newer version."""


class CheckpointError(SamaraError):
    """Base of everything about checkpoint files."""


class UnknownCheckpoint(CheckpointError, KeyError):
    """Neither a name in the catalogue nor a file."""


class UnrecognisedCheckpoint(CheckpointError, ValueError):
    """The file is not a checkpoint of any family that samara knows; the message says what it is."""


class UnsafeCheckpoint(CheckpointError, ValueError):
    """Loading the file would run code that it brings along; nothing of it was run."""


class WrongCheckpoint(CheckpointError, ValueError):
    """The file is a checkpoint, but not of the variant, or not the part, that is needed here."""


class DownloadFailed(CheckpointError, OSError):
    """The server did not deliver the file; what arrived is kept for a later resume."""


class ChecksumMismatch(CheckpointError, OSError):
    """Size or SHA-256 of a file differ from what the catalogue states."""
