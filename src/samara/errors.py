"""The exception tree.

    SamaraError
    ├── ImageError            (ValueError)   an image cannot be read or converted without guessing
    ├── PromptError           (ValueError)   a point, box or mask input is invalid
    ├── SettingsError         (ValueError)   an option or a combination of options is not accepted
    ├── DeviceError           (RuntimeError) the requested device or precision is not available
    ├── MissingExtra          (ImportError)  a required optional library is not installed
    ├── EmbeddingError        (ValueError)   a saved embedding is damaged or belongs to another encoder
    ├── OutputError           (OSError)      a result cannot be written, or would overwrite foreign files
    ├── AnnotationStopped     (RuntimeError) annotation cannot continue; finished images are saved
    ├── ExportError           (RuntimeError) an exported network's output differs from PyTorch's
    ├── DatasetError          (ValueError)   a ground-truth file or folder is damaged or unsupported
    ├── RecordError           (ValueError)   a file of measurements is damaged or from a newer version
    ├── ServerError           (OSError)      a server refused a request, or cannot be reached
    └── CheckpointError
        ├── UnknownCheckpoint       (KeyError)   no catalogue entry or file has that name
        ├── UnrecognisedCheckpoint  (ValueError) the file is not a checkpoint of a known family
        ├── UnsafeCheckpoint        (ValueError) loading the file would run code; nothing was run
        ├── WrongCheckpoint         (ValueError) a valid checkpoint, but not the kind needed here
        ├── LicenceNotAccepted      (ValueError) a download needs the user's consent to its licence
        ├── DownloadFailed          (OSError)    the server did not deliver the file
        └── ChecksumMismatch        (OSError)    size or SHA-256 differs from the catalogue

Every message is one or two sentences: what was given, what is accepted, what to do next.
"""

from __future__ import annotations


class SamaraError(Exception):
    """Base class of every error that samara raises deliberately."""

    def __str__(self) -> str:
        # KeyError shows repr(message); the message should be shown without quotes and escapes.
        return str(self.args[0]) if self.args else ""


class ImageError(SamaraError, ValueError):
    """An image cannot be read, or cannot be converted to 8-bit RGB without guessing."""


class PromptError(SamaraError, ValueError):
    """A prompt is malformed, outside the image, or not supported by the checkpoint."""


class SettingsError(SamaraError, ValueError):
    """A setting has an invalid value, or settings are combined in an invalid way."""


class DeviceError(SamaraError, RuntimeError):
    """The requested device or precision is not available on this machine."""


class MissingExtra(SamaraError, ImportError):
    """A required optional library is not installed; the message contains the install command."""


class EmbeddingError(SamaraError, ValueError):
    """An image embedding is damaged, or was computed by a different image encoder."""


class OutputError(SamaraError, OSError):
    """A result cannot be written, or writing it would overwrite a file that is not samara's."""


class AnnotationStopped(SamaraError, RuntimeError):
    """Annotation of a data set cannot continue; finished images are saved, and the run can be resumed."""


class ExportError(SamaraError, RuntimeError):
    """An exported network, run by its own runtime, does not reproduce PyTorch's output."""


class DatasetError(SamaraError, ValueError):
    """A ground-truth file or folder is damaged or unsupported; the message names the file and the annotation."""


class RecordError(SamaraError, ValueError):
    """A measurement record is damaged or inconsistent, or was written by a newer version."""


class ServerError(SamaraError, OSError):
    """A server refused a request, or cannot be reached; the message contains the server's own sentence."""


class CheckpointError(SamaraError):
    """Base class of errors about checkpoint files."""


class UnknownCheckpoint(CheckpointError, KeyError):
    """The name is neither in the catalogue nor a file."""


class UnrecognisedCheckpoint(CheckpointError, ValueError):
    """The file is not a checkpoint of any known family; the message describes what it is."""


class UnsafeCheckpoint(CheckpointError, ValueError):
    """Loading the file would run code it contains; nothing was run."""


class WrongCheckpoint(CheckpointError, ValueError):
    """The file is a checkpoint, but of a different variant or part than needed here."""


class LicenceNotAccepted(CheckpointError, ValueError):
    """A checkpoint is not downloaded because its licence forbids commercial use and nobody has accepted it."""


class DownloadFailed(CheckpointError, OSError):
    """The server did not deliver the file; the received part is kept so that the download can be resumed."""


class ChecksumMismatch(CheckpointError, OSError):
    """The size or SHA-256 of a file differs from the catalogue's."""
