# The whole interface for contributors; CI runs exactly these targets.
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
BIN_PROGRAMS := .programs/bin
PROGRAMS := .programs/.installed

.PHONY: install demo test test-slow test-programs check format docs clean

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(INSTALLED)
	$(BIN)/samara segment examples/truck.jpg examples/groceries.jpg examples/dog.jpg --out demo-output

# A process for each core, with one thread each; a file's tests stay together, because they share what they load.
# Compiled files are kept even where the environment says otherwise: tests start Python a hundred times.
test: $(INSTALLED)
	PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile --max-worker-restart 0

test-slow: $(INSTALLED)
	$(BIN)/python -m pytest -m slow

# Public programs on the drop-in and on the original packages, in an environment of their own (6 GB).
test-programs: $(INSTALLED) $(PROGRAMS)
	SAMARA_PROGRAMS_PYTHON=$(CURDIR)/$(BIN_PROGRAMS)/python $(BIN)/python -m pytest -m slow tests/programs

$(PROGRAMS): tests/programs/libraries.txt tests/programs/programs.txt
	$(PYTHON) -m venv .programs
	$(BIN_PROGRAMS)/python -m pip install --quiet --disable-pip-version-check --requirement tests/programs/libraries.txt
	$(BIN_PROGRAMS)/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement tests/programs/programs.txt
	touch $@

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/codespell

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(INSTALLED)
	$(BIN)/python -m docs.update_readme
	$(BIN)/python -m docs.update_checkpoints
	$(BIN)/python -m docs.update_model_card
	$(BIN)/python -m docs.update_choosing
	$(BIN)/python -m docs.update_performance
	$(BIN)/python -m docs.update_comparison

clean:
	rm -rf .venv .programs demo-output build dist
