# Two commands do everything: `make run` and `make test`. Each makes its own .venv. `make help` names the others.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/pip install --disable-pip-version-check
# Fetches the real weights, once, and says nothing if they are here. After a failure the bot is started all the same, and
# says what is missing or which setting is wrong. Only Ctrl-C (status 130) ends `make run` here.
FETCH = $(BIN)/python -m bot models fetch 2> /dev/null || test $$? -ne 130
ifneq ($(filter backup doctor health models restore version,$(ARGS)),)
FETCH = :
endif
# The tests that hold whole calls, in real time.
CALLS := tests/e2e tests/lease
# All other tests, in four parts that take about equally long.
PART_1 := tests/bot --ignore=tests/bot/http
PART_2 := tests/llm tests/toys tests/voice
PART_3 := tests/bot/http tests/features tests/sandbox
PART_4 := tests $(patsubst %,--ignore=%,$(CALLS) tests/bot $(PART_2) $(PART_3))
PARTS := test-part-1 test-part-2 test-part-3 test-part-4
.PHONY: $(PARTS)

# A .venv that is only half made, or whose Python is gone, is made again.
ifneq ($(shell test -x $(BIN)/pip && $(BIN)/python -c 'import pip' 2> /dev/null && echo whole),whole)
.PHONY: .venv/bin/python
endif

.PHONY: help run xtts test test-calls test-parts test-slow test-faults fuzz audit coverage test-real test-browser test-kokoro test-chroma test-xtts lint bench clean

run: .venv/run.stamp  ## the bot: on Discord with DISCORD_TOKEN set, else a demonstration on the local sandbox
	@$(FETCH)
	@$(BIN)/python -m bot $(ARGS)

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS="$$(printf '\t')" read -r target text; do \
		printf '  make %-13s %s\n' "$$target" "$$text"; done

ifdef ARGS
test: .venv/dev.stamp  ## every test that needs neither a GPU, nor a token, nor downloaded weights; ARGS="…" for some of them
	$(BIN)/python -m pytest $(ARGS)
else
test: .venv/dev.stamp
	@echo "Making toy weights for the tests, if they are not made yet: this takes one to three minutes."
	@$(BIN)/python -m pytest --quiet --no-header tests/toys/test_cached_weights.py
	@echo "The tests that only compute run beside these; what they say comes in four pieces when they are done."
	@$(MAKE) --no-print-directory --jobs=5 test-calls $(PARTS)
endif

# Per cent of a file's branches below which `make coverage` lists it.
COVERED := 90

# The tests run in eight processes at once, so more threads of the algebra library would only wait for each other.
test-calls $(PARTS) coverage: export OPENBLAS_NUM_THREADS := 1

# The tests start hundreds of programs. Each would compile all modules anew if Python may not keep what it has compiled.
test test-calls $(PARTS) test-faults coverage test-browser test-real: export PYTHONDONTWRITEBYTECODE :=

# These tests mostly wait, at the pace of speech: four at once take a quarter of the time and less than one processor.
test-calls: .venv/dev.stamp  ## the end-to-end tests, which take as long as people talk; four run at once
	@$(BIN)/python -m pytest $(CALLS) --numprocesses=4 --dist=load --maxschedchunk=1

test-parts: .venv/dev.stamp  ## all other tests, in four processes; they give way to calls that go on beside them
	@echo "What the tests say comes in four pieces when they are done."
	@$(MAKE) --no-print-directory --jobs=4 --keep-going $(PARTS)

# Processes of pytest-xdist would share the files out better, but each would import and collect all of them.
$(PARTS): test-part-%: .venv/dev.stamp
	@nice -n 19 $(BIN)/python -m pytest $(PART_$*) > .venv/$@.log 2>&1; status=$$?; cat .venv/$@.log; exit $$status

test-slow: .venv/dev.stamp  ## the long forms of the end-to-end tests, about half an hour of real-time speech
	$(BIN)/python -m pytest -m slow $(ARGS)

# These tests wait most of the time, so two of them run at once.
test-faults: .venv/dev.stamp  ## everything that a call needs fails in every way; about seven minutes; ends with a table
	$(BIN)/python -m pytest -m slow tests/faults --numprocesses=2 --dist=load --maxschedchunk=1 $(ARGS)

fuzz: .venv/dev.stamp  ## 100,000 damaged messages for each parser of bytes from outside; about ten minutes; ARGS="…" for some kinds
	@nice -n 19 $(BIN)/python -W ignore -m tests.fuzzing $(ARGS)

audit: .venv/dev.stamp  ## licences of the packages, secrets, bandit's rules, no shell, no pickle, and advisories where they can be reached
	@echo "Bandit's rules, by ruff (S311 aside: see pyproject.toml):"
	@$(BIN)/ruff check --select S --ignore S311 .
	@$(BIN)/python -m tests.audit

coverage: .venv/dev.stamp  ## branch coverage of the tests that only compute, and the files below 90 %; about twenty minutes; ARGS="…" for some tests
	@$(BIN)/coverage erase
	@nice -n 19 $(BIN)/coverage run -m pytest $(or $(ARGS),tests $(patsubst %,--ignore=%,$(CALLS))); status=$$?; \
		$(BIN)/coverage combine --quiet; \
		$(BIN)/coverage report --sort=cover | awk 'NR < 3 || /^TOTAL/ || $$NF + 0 < $(COVERED)'; exit $$status

test-real: .venv/dev.stamp  ## the tests of the real ears, mind and voice; fetches their weights first, about 300 MB, once
	@$(BIN)/python -m bot models fetch
	$(BIN)/python -m pytest -m real tests/real $(ARGS)

test-browser: .venv/dev.stamp  ## the tests of the page in a real browser; needs Chromium (Debian: apt install chromium)
	$(BIN)/python -m pytest -m browser tests/browser $(ARGS)

test-kokoro: .venv/dev.stamp  ## the tests of the voice Kokoro; downloads it first, 90 MB, once, and then your bot has it too
	@$(BIN)/python -m bot models fetch
	$(BIN)/python -m bot models download kokoro --yes
	$(BIN)/python -m pytest -m real tests/real/test_kokoro.py $(ARGS)

test-chroma: .venv/dev.stamp  ## the tests of knowledge with ChromaDB; installs it first, 300 MB
	$(BIN)/pip install --quiet --constraint constraints.txt --requirement requirements-knowledge.txt
	$(BIN)/python -m pytest tests/bot/knowledge $(ARGS)

xtts: .venv/xtts.stamp  ## installs what the voice XTTS v2 needs: PyTorch and coqui-tts, some gigabytes

test-xtts: .venv/xtts.stamp  ## the tests of XTTS v2 through its real code, with tiny weights of our own; installs PyTorch and coqui-tts
	$(BIN)/python -m pytest tests/xtts $(ARGS)

lint: .venv/dev.stamp  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy

bench: .venv/dev.stamp  ## the numbers of docs/benchmarks.md, measured on this machine; about 35 minutes
	$(BIN)/python -m benchmarks.receive
	$(BIN)/python -m benchmarks.echo
	$(BIN)/python -m benchmarks.end_of_turn
	$(BIN)/python -m benchmarks.event_loop
	$(BIN)/python -m benchmarks.refused_join
	$(BIN)/python -m benchmarks.tts
	$(BIN)/python -m benchmarks.tts_server
	$(BIN)/python -m benchmarks.reply_latency
	$(BIN)/python -m benchmarks.turn_latency

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' \
		|| { echo "Seiyuu needs Python 3.11 or 3.12; set PYTHON=/path/to/one."; exit 1; }
	@rm -rf .venv
	@$(PYTHON) -m venv .venv && $@ -c 'import pip' || { rm -rf .venv; \
		echo "Python could not make the folder .venv. On Debian and Ubuntu: apt install python3-venv"; \
		echo "Then type the same command again."; exit 1; }

.venv/run.stamp: .venv/bin/python requirements.txt constraints.txt
	@echo "Installing Python packages into .venv: about 1 GB the first time, which takes a few minutes."
	@$(PIP) -r requirements.txt
	@touch $@

.venv/dev.stamp: .venv/bin/python requirements.txt requirements-dev.txt constraints.txt
	@echo "Installing Python packages into .venv, with those of the tests: about 1.2 GB the first time, a few minutes."
	@$(PIP) -r requirements-dev.txt
	@touch .venv/run.stamp $@

.venv/xtts.stamp: .venv/bin/python requirements.txt requirements-dev.txt requirements-xtts.txt constraints.txt
	@echo "Installing PyTorch and coqui-tts into .venv: some gigabytes the first time, which takes a while."
	@$(PIP) -r requirements-dev.txt -r requirements-xtts.txt
	@touch .venv/run.stamp .venv/dev.stamp $@

clean:  ## deletes the virtual environment and what the tools cached here
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage .coverage.*
