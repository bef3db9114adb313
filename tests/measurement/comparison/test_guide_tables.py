"""What others say: each value with its conditions, and beside it only what was measured alike."""

from __future__ import annotations

from samara.measurement.comparison.comparison import Comparison
from samara.measurement.comparison.guide_tables import SUPERVISED, claims, finetuning_memory, published, zero_shot
from samara.measurement.comparison.tables import tables
from tests.measurement.comparison.samples import GPU, all_of, comparison, number, subject


def rows_of(table):
    return {row.heads: dict(zip(table.columns, row.cells, strict=True)) for row in table.rows}


def texts(table):
    return [[*row.heads, *(cell.text for cell in row.cells)] for row in table.rows]


def test_a_claim_stands_with_its_conditions_beside_what_was_measured_alike():
    shown = comparison()
    found = texts(claims(shown, tables(shown)))
    (a100,) = (row for row in found if row[0] == "sam_vit_b" and row[2] == "50 ms")
    assert a100[3:6] == ["A100; per mask", "–", "contradicted"]  # neither the CPU nor the X9 is an A100
    (cpu,) = (row for row in found if row[:3] == ["sam_vit_b", "everything", "49.4 s"])
    assert cpu[3] == "CPU, per image"
    assert cpu[4] == "32.0 s (Chip One, 2 cores, CPU)"


def test_a_checkpoint_of_ones_own_has_no_claims_whatever_its_name():
    own = Comparison(tuple(all_of(subject("sam_vit_b", sha256="ab" * 32))))
    assert claims(own, tables(own)).rows == published(own).rows == finetuning_memory(own).rows == ()
    assert tables(own)[0].rows[0].cells[1].beside.claims == ()


def test_the_guides_sentences_come_with_its_checkpoints():
    shown = comparison()
    assert any(row.heads[0] == "SAM" for row in claims(shown, ()).rows)


def test_published_figures_have_conditions_and_sources():
    table = published(Comparison(tuple(all_of(subject("mobile_sam")))))
    found = next(row for row in table.rows if row.heads == ("mobile_sam", "decode 1 prompt"))
    assert [cell.text for cell in found.cells] == ["4 ms", "one unnamed GPU", "MobileSAM README"]
    assert found.cells[2].link.startswith("https://github.com/")
    assert not any(row.cells[2].link for row in table.rows if "samara" in row.cells[2].text)


def test_zero_shot_stands_beside_fully_supervised():
    rows = rows_of(zero_shot(comparison()))
    assert rows[(SUPERVISED,)]["natural: guide, IoU"].text == "0.900–0.950"
    assert rows[(SUPERVISED,)]["satellite: guide, IoU"].text == "0.850–0.900"
    assert rows[("mobile_sam",)]["natural: centre click, IoU"].text == "0.600"
    own = Comparison(tuple(all_of(subject("mine"), iou=0.5)))
    assert set(rows_of(zero_shot(own))) == {("mine",), (SUPERVISED,)}


def test_memory_of_fine_tuning_has_a_table_of_its_own():
    on_gpu = subject("sam_vit_b", device="cuda:0")
    facts = (
        number(on_gpu, "finetune_device_peak_bytes", 3.2e9, GPU),
        number(subject("mine"), "finetune_resident_peak_bytes", 1.9e9),
    )
    rows = rows_of(finetuning_memory(Comparison(facts)))
    vit_b = rows[("sam_vit_b",)]
    assert [cell.text for cell in vit_b.values()] == ["3.20 GB", "–", "1.27 GB", "1.16 GB", "8 GB", "12+ GB"]
    assert rows[("mine",)]["measured, main memory"].text == "1.90 GB"


def test_without_measurements_fine_tuning_shows_the_benchmark_and_the_guide():
    rows = rows_of(finetuning_memory(Comparison(tuple(all_of(subject("sam_vit_h", "random"))))))
    assert [cell.text for cell in rows[("sam_vit_h",)].values()] == ["–", "–", "1.34 GB", "1.21 GB", "24 GB", "32+ GB"]
