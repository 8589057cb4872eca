# Everything a person does with this project, by one word each.

PYTHON ?= python3.11
BIN := .venv/bin
INDEX ?= index
# The demo's documentation: the core of transformers as installed, without the model zoo.
DEMO_SOURCE := python:transformers \
	--exclude transformers.models --exclude transformers.testing_utils \
	--exclude transformers.cli --exclude transformers.exporters \
	--exclude transformers.distributed --exclude transformers.integrations \
	--exclude transformers.utils --exclude transformers.quantizers --exclude transformers.loss \
	--exclude transformers.modeling_outputs \
	--source-url https://github.com/huggingface/transformers/blob/v{version}/src/
DEMO_QUESTION := How do I stream generated text token by token?

.PHONY: setup demo chat test lint screenshot bench-retrieval bench-query bench-ingest bench-opening bench-load \
	bench-eval bench-generation
.DEFAULT_GOAL := demo

setup: .venv/ready

# torch first and pinned: an open range would pull several GB of CUDA packages with it.
.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[test,lint]'
	touch $@

demo: setup
	$(BIN)/footnote ingest $(DEMO_SOURCE) --index $(INDEX)
	$(BIN)/footnote ask "$(DEMO_QUESTION)" --index $(INDEX)
	@echo
	@echo "Ask more in the browser:  make chat   (then open http://127.0.0.1:7860)"

chat: setup
	@test -e $(INDEX)/manifest.json || { echo "no index yet: run 'make demo' first" >&2; exit 1; }
	$(BIN)/footnote chat --index $(INDEX)

test: setup
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The README's pictures, taken in a real browser (Debian's chromium) of the demo's index.
screenshot: setup
	$(BIN)/python tests/screenshot.py $(INDEX) ui

# What each ingredient of retrieval is worth: on the documentation of accelerate as installed, or
# on another SOURCE with its QUESTIONS.
SOURCE ?= python:accelerate
QUESTIONS ?= eval/sets/accelerate.jsonl
bench-retrieval: setup
	$(BIN)/python -P bench/retrieval.py $(SOURCE) $(QUESTIONS) \
		--source-url https://github.com/huggingface/accelerate/blob/v{version}/src/

# The latency of a search, the speed of an evaluation and that of an ingest, beside the least that
# they can cost.
bench-query: setup
	$(BIN)/python -P bench/query.py $(INDEX) eval/sets/demo.jsonl

bench-eval: setup
	$(BIN)/python -P bench/evaluation.py $(INDEX) eval/sets/demo.jsonl

# Answering 16 people together, beside one after the other.
bench-generation: setup
	$(BIN)/python -P bench/generation.py

bench-ingest: setup
	$(BIN)/python -P bench/ingest.py $(TABLE)

# How soon the web chat can be seen, and asked.
bench-opening: setup
	$(BIN)/python -P bench/opening.py $(INDEX)

# The web chat under load: 50 people for 5 minutes, then 200 who leave in the middle of an answer.
# An hour's soak: make bench-load LOAD="--people 10 --minutes 60".
LOAD ?=
bench-load: setup
	$(BIN)/python -P bench/load.py $(INDEX) eval/sets/demo.jsonl $(LOAD)
