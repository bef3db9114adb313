"""The training run: epochs, validation, early stopping, resuming, and a result that is a checkpoint."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from samara._version import __version__
from samara.checkpoints.file_form import file_form_of
from samara.checkpoints.identification.identify import FINE_TUNED_KEY, METADATA_KEY, PRESET_KEY
from samara.checkpoints.identified import origin_of
from samara.checkpoints.lora_file import require_other_file, save_lora
from samara.checkpoints.save import save_checkpoint
from samara.datasets.ground_truth import LabelledImage
from samara.datasets.reading.findings import Notice
from samara.engines.loaded import Loaded, fingerprint
from samara.errors import DatasetError
from samara.finetuning.embedding_cache import EmbeddingCache
from samara.finetuning.examples import examples_of
from samara.finetuning.place import only_run, require_checkpoint_place, work_of
from samara.finetuning.processes import Processes
from samara.finetuning.settings import FineTuneSettings
from samara.finetuning.step import add_gradients_of_images
from samara.finetuning.step_losses import StepLosses
from samara.finetuning.trained_weights import MovingAverage, choose_trained, recompute_blocks
from samara.finetuning.training_set import TrainingSet
from samara.finetuning.training_state import EpochRecord, Position, best_by, load_state, save_state
from samara.finetuning.validation import Validation, validate
from samara.networks.lora import merge_lora
from samara.networks.sam import Sam
from samara.system.devices import float32_products
from samara.system.progress import Progress, under_name

OnEpoch = Callable[[EpochRecord], None]
"""Called with each line of the learning curve."""


@dataclass(frozen=True)
class FineTuned:
    """The result of a run.

    Attributes:
        path: the new checkpoint.
        history: the learning curve; epoch 0 is the network before training.
        best: the record of the epoch whose weights were kept.
        settings: the settings of the run, without prompts that the checkpoint does not take.
    """

    path: Path
    history: tuple[EpochRecord, ...]
    best: EpochRecord
    settings: FineTuneSettings


def fine_tune(
    loaded: Loaded,
    training: Sequence[LabelledImage],
    validation: Sequence[LabelledImage],
    out: Path,
    settings: FineTuneSettings | None = None,
    *,
    progress: Progress | None = None,
    notice: Notice | None = None,
    on_epoch: OnEpoch | None = None,
    processes: Processes | None = None,
) -> FineTuned:
    """Fine-tune a checkpoint.

    An interrupted run resumes from its last complete epoch when called again with the same arguments; its embeddings
    and state are in `<out>.work`, which may be removed afterwards.

    Args:
        loaded: the checkpoint to start from; it is not modified.
        training: images to learn from.
        validation: images to measure on, none of which should be in `training`.
        out: the new checkpoint, `.safetensors`, `.pth` or `.pt`, in the published key layout.
        settings: see `FineTuneSettings`; prompts that the network does not take are left out.
        progress: called with the progress.
        notice: called with what is left out of the sets, before anything is encoded.
        on_epoch: called with each line of the learning curve once it is saved, in order from epoch 0; a resumed run
            calls it with the earlier lines first, so that it always sees the whole curve.
        processes: the processes that train together, from `samara.finetuning.processes.joined_processes`; None for this
            one alone. All get the same arguments except `loaded.device`; the first writes files and reports.

    Returns:
        The learning curve. The kept weights are those of the epoch with the best validation IoU by
        `settings.criterion`, possibly the original ones if nothing helped (`best.epoch` is then 0).

    Raises:
        DatasetError: no image has an object that is large enough.
        EmbeddingError, SettingsError: `<out>.work` belongs to another run, `out` has an unknown suffix, or separate
            low-rank updates would overwrite their own checkpoint.
        OutputError: the checkpoint cannot be written.
    """
    processes = processes or Processes()
    settings = (settings or FineTuneSettings()).restricted_to(loaded.variant.capabilities)
    if processes.is_first:
        require_checkpoint_place(out)
        if settings.trained == "lora" and settings.lora_apart:
            require_other_file(out, loaded.provenance.path)
    with only_run(out, processes):
        run = _Run(
            loaded,
            training,
            validation,
            out,
            settings,
            progress,
            notice=notice,
            on_epoch=on_epoch,
            processes=processes,
        )
        with run.encoder_aside():
            run.resume()
            while not run.is_over:
                run.epoch()
            return run.finish()


class _Run:
    """The state of a run."""

    def __init__(
        self,
        loaded: Loaded,
        training: Sequence[LabelledImage],
        validation: Sequence[LabelledImage],
        out: Path,
        settings: FineTuneSettings,
        progress: Progress | None,
        *,
        notice: Notice | None,
        on_epoch: OnEpoch | None,
        processes: Processes,
    ) -> None:
        self.loaded, self.settings, self.out, self.progress = loaded, settings, out, progress
        self.on_epoch = on_epoch or (lambda record: None)
        self.processes = processes
        self.work = work_of(out)
        # Now, because its file may be removed or replaced by the end of the run.
        self.origin, self.form = origin_of(loaded), file_form_of(loaded)
        self.network = _own_copy(loaded.sam, settings)
        self.parameters = choose_trained(self.network, settings)
        if settings.checkpoint_blocks:
            recompute_blocks(self.network.image_encoder)
        decay = settings.weight_decay
        self.optimiser = torch.optim.AdamW(self.parameters.values(), lr=settings.learning_rate, weight_decay=decay)
        self.average = None if settings.ema_decay is None else MovingAverage(self.parameters, settings.ema_decay)
        self.training = TrainingSet(loaded, examples_of(training, settings.augmentations))
        self.validation = TrainingSet(loaded, examples_of(validation))
        for name, examples in {"training": self.training, "validation": self.validation}.items():
            if not len(examples):
                raise DatasetError(f"the {name} set has no image with a usable object{examples.left_out.because}")
            if notice is not None and processes.is_first and examples.left_out:
                notice(f"left out of the {name} set: {examples.left_out.title}")
        both = self.training.images_shared_with(self.validation)
        if both and notice is not None and processes.is_first:
            images = "image is" if both == 1 else "images are"
            notice(f"{both:,} {images} in both sets; the validation IoU says little about new images")
        self.caches = self._caches()
        self.best_weights: dict[str, Tensor] = {}
        self.position = Position(self._signature(), 0, 0, ())

    @property
    def encoder_learns(self) -> bool:
        return self.settings.trained != "decoder"

    @property
    def steps_per_epoch(self) -> int:
        return math.ceil(len(self.training) / self.settings.images_per_step)

    @property
    def best(self) -> EpochRecord:
        return best_by(self.position.history, self.settings.criterion)

    @property
    def is_over(self) -> bool:
        done, patience = self.position.epoch, self.settings.patience
        return done >= self.settings.epochs or (patience is not None and done - self.best.epoch >= patience)

    @contextmanager
    def encoder_aside(self) -> Iterator[None]:
        """Keep an encoder that is no longer needed off the GPU until the run is over."""
        if self.caches is None or not self.loaded.device.startswith("cuda"):
            yield
            return
        self.network.image_encoder.to("cpu")
        torch.cuda.empty_cache()
        try:
            yield
        finally:
            self.network.image_encoder.to(self.loaded.device)

    def resume(self) -> None:
        """Resume from a saved state, or validate the network before training."""
        path = self.work / "state.safetensors"
        if path.exists():
            self.position, self.best_weights = load_state(
                path, self.position.settings, self.parameters, self.optimiser, self.average
            )
            for record in self.position.history if self.processes.is_first else ():
                self.on_epoch(record)
            return
        started = time.perf_counter()
        measured = self._validate()
        self._record(EpochRecord(0, None, measured.click_iou, measured.box_iou, 0.0, time.perf_counter() - started))

    def epoch(self) -> None:
        """Run one pass over the training set, then validation."""
        started, losses = time.perf_counter(), StepLosses()
        number = self.position.epoch + 1
        order = torch.randperm(len(self.training), generator=self._generator(number, 0)).tolist()
        size = self.settings.images_per_step
        for step, start in enumerate(range(0, len(order), size), start=1):
            losses.add(self._step(order[start : start + size], number, step))
            self._tell(self._account(number, losses), self.position.step, self.settings.epochs * self.steps_per_epoch)
        loss = self.processes.add_up([losses.mean], self.loaded.device)[0]
        measured = self._validate()
        rate, duration = self.optimiser.param_groups[0]["lr"], time.perf_counter() - started
        self.position = replace(self.position, epoch=number)
        self._record(EpochRecord(number, loss, measured.click_iou, measured.box_iou, rate, duration))

    def _account(self, epoch: int, losses: StepLosses) -> str:
        """Describe this epoch's loss so far and the last validation for the progress bar."""
        last = self.position.history[-1]
        loss = losses.recent_mean * self.processes.count  # several processes: roughly
        where = f"epoch {epoch} of {self.settings.epochs}"
        click = "" if last.click_iou is None else f"{last.click_iou:.3f} click, "
        return f"training: {where}, loss {loss:.3f}, IoU {click}{last.box_iou:.3f} box"

    def finish(self) -> FineTuned:
        """Write the best weights as a checkpoint."""
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(self.best_weights[name])
        if self.processes.is_first:
            preset = self.loaded.variant.preset
            told = {} if preset is None else {PRESET_KEY: preset}
            self._save({METADATA_KEY: self.origin, FINE_TUNED_KEY: json.dumps(self._provenance()), **told})
        self.processes.wait()
        return FineTuned(self.out, self.position.history, self.best, self.settings)

    def _provenance(self) -> dict[str, object]:
        """Return the metadata of the checkpoint."""
        return {
            "started_from": self.loaded.name,
            "input_size": self.loaded.input_size,
            "training_set": self.training.facts,
            "validation_set": self.validation.facts,
            "settings": asdict(self.settings),
            "history": [asdict(record) for record in self.position.history],
            "versions": {"samara": __version__, "torch": torch.__version__},
        }

    def _save(self, metadata: Mapping[str, str]) -> None:
        if self.settings.trained == "lora" and self.settings.lora_apart:
            save_lora(self.out, self.network, fingerprint(self.loaded.sam.image_encoder), metadata)
            return
        if self.settings.trained == "lora":
            merge_lora(self.network)
        save_checkpoint(self.out, self.form.state(self.network), metadata, wrapper=self.form.wrapper)

    def _step(self, examples: Sequence[int], epoch: int, step_of_epoch: int) -> Tensor:
        step = self.position.step + 1
        for group in self.optimiser.param_groups:
            group["lr"] = self._learning_rate(step)
        with float32_products(self.loaded.device):
            loss = add_gradients_of_images(
                self.network,
                self.training,
                examples,
                self._features,
                self.settings,
                generator_of=lambda position: self._generator(epoch, step_of_epoch, position),
                processes=self.processes,
                capabilities=self.loaded.variant.capabilities,
            )
        self.processes.add_up_gradients(self.parameters.values())
        nn.utils.clip_grad_norm_(self.parameters.values(), self.settings.max_gradient_norm)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.update(step)
        self.position = replace(self.position, step=step)
        return loss

    def _learning_rate(self, step: int) -> float:
        """Return the learning rate: linear warm-up, then a cosine that would reach zero one step after the last."""
        total = self.settings.epochs * self.steps_per_epoch
        warmup = min(self.settings.warmup_steps, total // 4)
        if step <= warmup:
            return self.settings.learning_rate * step / warmup
        progress = (step - warmup - 1) / (total - warmup)
        return self.settings.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))

    def _features(self, example: int) -> Tensor:
        """Return the embedding of a training example, (1, C, h, w), with a graph if the encoder is trained."""
        if self.caches is not None:
            return self.caches[0][example][None].to(self.loaded.device, non_blocking=True)
        image = self.training.network_input(example)
        with torch.autocast(image.device.type, torch.bfloat16, enabled=self.settings.precision == "bfloat16"):
            features: Tensor = self.network.image_encoder(image)
        return features.float()

    def _validate(self) -> Validation:
        average = nullcontext() if self.average is None else self.average.in_place()
        with average, float32_products(self.loaded.device):
            samples = []
            for index in self.processes.share(range(len(self.validation))):
                if self.caches is not None:
                    features = self.caches[1][index]
                else:
                    with torch.no_grad():
                        features = self.network.image_encoder(self.validation.network_input(index))[0]
                samples.append(self.validation.sample(index, features))
            by_clicks = self.loaded.variant.capabilities.points
            return self._combined(validate(self.network, samples, by_clicks=by_clicks))

    def _combined(self, mine: Validation) -> Validation:
        """Combine the validation of all processes."""
        count = mine.objects
        sums = [(mine.click_iou or 0.0) * count, mine.box_iou * count, float(count)]
        clicks, boxes, objects = self.processes.add_up(sums, self.loaded.device)
        click_iou = None if mine.click_iou is None else clicks / objects
        return Validation(click_iou, boxes / objects, round(objects))

    def _record(self, record: EpochRecord) -> None:
        """Add a line to the curve, keep the weights if they are the best so far, and save the state."""
        self.position = replace(self.position, history=(*self.position.history, record))
        if self.best is record:
            own = {name: parameter.detach() for name, parameter in self.parameters.items()}
            values = own if self.average is None else self.average.values
            self.best_weights = {name: value.detach().clone() for name, value in values.items()}
        if self.processes.is_first:
            path, best = self.work / "state.safetensors", self.best_weights
            save_state(path, self.position, self.parameters, self.optimiser, self.average, best)
            self.on_epoch(record)

    def _caches(self) -> tuple[EmbeddingCache, EmbeddingCache] | None:
        if self.encoder_learns:
            return None
        training, validation = (
            images.cache(self.work / name, self.processes, under_name(self._tell, f"encoding {name} set"))
            for name, images in (("training", self.training), ("validation", self.validation))
        )
        return training, validation

    def _signature(self) -> str:
        """Return what identifies a run: settings, encoder, decoder and images."""
        parts = (self.training.digest, self.validation.digest, self.loaded.fingerprint, str(self.loaded.input_size))
        digest = hashlib.sha256("\n".join([*parts, fingerprint(self.loaded.sam.mask_decoder)]).encode()).hexdigest()
        return json.dumps(asdict(self.settings)) + digest[:16]

    def _generator(self, *place: int) -> torch.Generator:
        """Return the generator of an epoch, a step or an image in it, derived only from the seed and the position.

        So a resumed run, or several processes that share a step, see the same random numbers.
        """
        seed = self.settings.seed
        for number in place:
            seed = (seed * 1_000_003 + number) % (1 << 63)
        return torch.Generator().manual_seed(seed)

    def _tell(self, what: str, done: int, total: int) -> None:
        if self.progress is not None and self.processes.is_first:
            self.progress(what, done, total)


def _own_copy(network: Sam, settings: FineTuneSettings) -> Sam:
    """Copy the network for training; the image encoder is shared if it is not trained."""
    return Sam(
        image_encoder=network.image_encoder if settings.trained == "decoder" else copy.deepcopy(network.image_encoder),
        prompt_encoder=copy.deepcopy(network.prompt_encoder),
        mask_decoder=copy.deepcopy(network.mask_decoder),
        frame_cell=network.frame_cell,
    ).eval()  # there is no dropout, and batch norms must keep the statistics of the original data
