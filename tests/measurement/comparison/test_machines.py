"""A GPU stands beside a CPU, a column for each."""

from __future__ import annotations

from samara.measurement.comparison.comparison import Comparison
from samara.measurement.comparison.machines import NO_GPU, lacks_gpu, side_by_side
from tests.measurement.comparison.samples import GPU, all_of, comparison, number, subject

ON_GPU = subject("sam_vit_b", "random", "cuda:0", precision="bfloat16")


def cell(table, checkpoint, what, column):
    (row,) = (row for row in table.rows if row.heads == (checkpoint, what))
    return row.cells[table.columns.index(column)]


def test_each_machine_has_a_column():
    (table,) = side_by_side(comparison())
    cpu, gpu = table.columns
    assert (cpu, gpu) == ("Chip One, 2 cores, CPU, float32", "NVIDIA X9, float32")
    assert cell(table, "sam_vit_b", "encode", cpu).value == 4.0
    assert cell(table, "sam_vit_b", "encode", gpu).value == 0.02
    assert cell(table, "sam_vit_b", "memory, batch of 1", cpu).text == "4.00 GB"
    assert cell(table, "sam_vit_b", "memory, batch of 1", gpu).text == "2.50 GB"
    assert cell(table, "sam_vit_b", "throughput, batch of 8", gpu).value == 100.0


def test_what_a_machine_has_not_measured_is_missing_there():
    (table,) = side_by_side(comparison())
    on_gpu = cell(table, "mobile_sam", "encode", "NVIDIA X9, float32")
    assert (on_gpu.text, on_gpu.note) == ("–", "not measured")
    assert not any(what == "memory, fine-tuning" for _, what in (row.heads for row in table.rows))


def test_precisions_and_engines_of_one_machine_have_columns_of_their_own():
    compiled = subject("sam_vit_b", "random", "cuda:0", engine="torch-compile")
    facts = [*all_of(subject("sam_vit_b")), *all_of(ON_GPU, machine=GPU, scale=0.5)]
    facts += [number(compiled, "encode_seconds", 0.25, GPU, batch_size=1)]
    (table,) = side_by_side(Comparison(tuple(facts)))
    assert table.columns[1:] == ("NVIDIA X9, bfloat16", "NVIDIA X9, float32, torch-compile")
    assert [one.value for one in table.rows[0].cells] == [1.0, 0.5, 0.25]


def test_one_machine_needs_no_such_table():
    assert side_by_side(Comparison(tuple(all_of(subject("sam_vit_b"))))) == []


def test_a_comparison_of_processors_says_that_a_gpu_is_missing():
    assert lacks_gpu(Comparison(tuple(all_of(subject("sam_vit_b")))))
    assert not lacks_gpu(comparison())
    assert "records" in NO_GPU
