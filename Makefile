# Every target brings what it needs: Python 3.11 or newer and make are all that must be there.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SECONDS_LOAD ?= 300
SECONDS ?= 300
SENSORS_CITY ?= 500
SECONDS_ALERT ?= 300
ALERT_FLAGS ?=
SECONDS_AUDIO ?= 600
SENSORS ?= 200
STARTS ?= 15
SHOTS ?= 200
BURSTS ?= 8
DEMO_FLAGS ?=
CONFIGS := src/dhishoom/train/configs
FOLDS := benchmarks/folds
FOLDED := dhishoom-small-1
COMPARED := dhishoom-small-1 dhishoom-accurate-1 vgg-a-40 vgg-a-64
NAMES := dhishoom-small-1 dhishoom-small-1+yamnet dhishoom-small-open-1
SHARED ?= $(or $(DHISHOOM_SHARED),../shared)

.PHONY: help ancestor networks demo install test check fix bench bench-alert bench-cluster bench-spark bench-detect bench-import bench-install bench-load bench-locate page docs scale wheel evaluation models pictures clean

help:  ## Show what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.python:
	@$(PYTHON) tools/need_python.py
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.base: $(VENV)/.python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --editable .
	@touch $@

$(VENV)/.all: $(VENV)/.python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[all]'
	@touch $@ $(VENV)/.base

$(VENV)/.dev: $(VENV)/.python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.all $(VENV)/.base

page: $(VENV)/.python  ## Build the page from ui/ (brings its own node where none is installed)
	@$(BIN)/python tools/build_page.py

demo: $(VENV)/.python  ## A simulated city, heard live, on a page in your browser
	@$(MAKE) --no-print-directory --jobs=2 $(VENV)/.base page
	$(BIN)/dhishoom demo $(DEMO_FLAGS)

install: $(VENV)/.all page  ## Leave a working .venv/bin/dhishoom with everything but training
	@$(BIN)/dhishoom --version

test: $(VENV)/.dev page  ## Every test; those whose parts are not here are skipped and say so
	@$(BIN)/python tools/bring_test_parts.py
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup

check: $(VENV)/.dev  ## Format, lint, types, the law of imports and the house numbers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/house_numbers.py

fix: $(VENV)/.dev  ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: bench-import bench-install bench-locate bench-detect bench-alert bench-load bench-cluster  ## Every benchmark

bench-import: $(VENV)/.all  ## `import dhishoom` and the start of commands (STARTS=15)
	$(BIN)/python benchmarks/bench_import.py --starts $(STARTS)

bench-install: $(VENV)/.python  ## Megabytes and seconds of what `make demo` installs
	$(BIN)/python benchmarks/bench_install.py

bench-detect: $(VENV)/.all  ## CPU per second of sound, beside YAMNet (SECONDS_AUDIO=600)
	$(BIN)/python benchmarks/bench_detect.py --seconds $(SECONDS_AUDIO)

bench-alert: $(VENV)/.all  ## From the last arrival to the delivered webhook, 100 sensors (SECONDS_ALERT=300)
	$(BIN)/python benchmarks/bench_alert.py --seconds $(SECONDS_ALERT) $(ALERT_FLAGS)

bench-cluster: $(VENV)/.dev  ## A city's workers over Kafka, 500 sensors (SECONDS=300)
	$(BIN)/python benchmarks/bench_cluster.py --seconds $(SECONDS) --sensors $(SENSORS_CITY)

bench-spark: $(VENV)/.dev  ## The Spark job over Kafka and HDFS, 300 and 600 sensors (SECONDS=300)
	$(BIN)/python benchmarks/bench_spark.py --seconds $(SECONDS)

scale: $(VENV)/.dev  ## Write docs/scale.md from the figures in benchmarks/measured.json
	$(BIN)/python tools/size_city.py

bench-load: $(VENV)/.all  ## Simulated sensors in real time (SECONDS_LOAD=300 SENSORS=200)
	$(BIN)/python benchmarks/bench_load.py --seconds $(SECONDS_LOAD) --sensors $(SENSORS)

build/pyocto/.made: $(VENV)/.python  # an environment of its own: it needs an older NumPy
	$(PYTHON) -m venv build/pyocto
	build/pyocto/bin/python -m pip install --quiet --disable-pip-version-check pyocto pandas
	@touch $@

bench-locate: $(VENV)/.all build/pyocto/.made  ## Locating and associating, beside SciPy and PyOcto (SHOTS=200 BURSTS=8)
	$(BIN)/python benchmarks/bench_locate.py --shots $(SHOTS) --bursts $(BURSTS) --pyocto build/pyocto/bin/python

pictures: $(VENV)/.dev page  ## Draw the README's figures: the published recordings', and the demo's page
	$(BIN)/python tools/draw_street.py
	$(BIN)/python tools/take_pictures.py

docs: $(VENV)/.all  ## Write commands, options, settings and the law of imports into docs/
	$(BIN)/python tools/write_docs.py
	$(BIN)/python tools/draw_architecture.py

evaluation: $(VENV)/.all  ## Measure the shipped models beside public taggers, write docs/evaluation.md (SHARED=../shared)
	DHISHOOM_MODELS=build/models $(BIN)/dhishoom models fetch yamnet --from $(SHARED)/weights/yamnet.onnx
	DHISHOOM_MODELS=build/models $(BIN)/dhishoom evaluate $(SHARED)/data/clips/manifest.csv --pittsburgh $(SHARED)/data/pittsburgh \
	    $(foreach name,$(NAMES),--model $(name)) --weights $(SHARED)/weights $(foreach name,$(FOLDED),--folds $(FOLDS)/$(name)/folds.json) \
	    --cache build/answers --out build/evaluation --docs docs/evaluation.md

models: $(VENV)/.all  ## Train the shipped models, every fold left out once, and pair them with YAMNet (needs .[train]; an hour)
	for name in $(FOLDED); do for fold in 0 1 2 3 4 5 6; do $(BIN)/dhishoom train $(CONFIGS)/$$name.toml --fold $$fold \
	    --out build/runs/$$name-$$fold --cache build/training || exit 1; done; done
	for fold in 0 2; do $(BIN)/dhishoom train $(CONFIGS)/dhishoom-small-open-1.toml --fold $$fold \
	    --out build/runs/dhishoom-small-open-1-$$fold --cache build/training || exit 1; done
	for name in $(FOLDED); do \
	    measured=$$(ls -d build/runs/$$name-[1-6] | sed 's/^/--measured /'); \
	    $(BIN)/dhishoom export build/runs/$$name-0 $$measured --folds $(FOLDS)/$$name --out src/dhishoom/detectors/models || exit 1; \
	    $(BIN)/dhishoom evaluate $(SHARED)/data/clips/manifest.csv --pittsburgh $(SHARED)/data/pittsburgh --no-location --no-plots \
	        --no-peers --model $$name --model yamnet --weights $(SHARED)/weights --folds $(FOLDS)/$$name/folds.json \
	        --thresholds --pair yamnet --cache build/answers --out build/pairing || exit 1; done
	$(BIN)/dhishoom export build/runs/dhishoom-small-open-1-0 --measured build/runs/dhishoom-small-open-1-2 --out src/dhishoom/detectors/models

ancestor: $(VENV)/.all  ## Teach the learning system of the product before this one, answer its question (needs .[train])
	$(BIN)/python -m dhishoom.train.models.learn --shared $(SHARED) --out build/ancestor
	$(BIN)/python tools/compare_models.py --shared $(SHARED) --page docs/ancestor.md build/ancestor/light-*.onnx

networks: $(VENV)/.all  ## Teach networks of several sizes the same recordings, compare them by quality and CPU (needs .[train])
	for name in $(COMPARED); do \
	    $(BIN)/dhishoom train $(CONFIGS)/$$name.toml --fold 1 --out build/runs/$$name-1 --cache build/training || exit 1; \
	    $(BIN)/dhishoom export build/runs/$$name-1 --name $$name-fold1 --out build/networks || exit 1; done
	$(BIN)/python tools/compare_models.py --shared $(SHARED) --page docs/networks.md --only-named \
	    $(foreach name,$(COMPARED),build/networks/$(name)-fold1.onnx)

wheel: $(VENV)/.dev page  ## A wheel that carries the built page, in dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:  ## Remove what was built and installed here
	rm -rf $(VENV) dist build ui/node_modules src/dhishoom/web/page
