# The two commands of the README, and what developers need besides. All work is CMake's (CMakePresets.json); each preset
# is built in build/<preset>.

PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
# The presets whose tests `make test` runs, all as one ctest run.
TESTED := release asan tsan
# Without these, ccache keeps nothing that is compiled with precompiled headers, as the tests are.
export CCACHE_SLOPPINESS := pch_defines,time_macros

configure = cmake --preset $(1) -DCOPROC_WARNINGS_AS_ERRORS=$(if $(filter true,$(CI)),ON,OFF) >/dev/null
build = cmake --build --preset $(1) --parallel $(JOBS)

.DEFAULT_GOAL := help
.PHONY: help setup build tour test model hostile environments chaos cluster fuzz bench bench-quick compile-time
.PHONY: debug clang asan tsan format format-check tidy install wheel clean

help:
	@sed -n 's/^#: //p' Makefile

#: make tour          install what is missing, build, run the tour, then the search on this project's sources
#: make test          the same, then every test: g++ and clang, with the sanitizers, installed and used
#: make setup         install the Debian packages that are missing (as root, or with sudo)
setup:
	@tools/setup.sh

#: make build         everything with g++, optimised, in build/release
build: setup
	@$(call configure,release)
	@$(call build,release)

tour: setup
	@$(call configure,release)
	@$(call build,release) --target tour search
	build/release/examples/tour
	build/release/examples/coproc-search --no-progress src WorkerDiedError

# One ctest run over all presets, so that one line at the end tells how all of it went.
test: tour
	@for preset in $(TESTED); do \
	   $(call configure,$$preset) && $(call build,$$preset) || exit 1; \
	 done
	@echo 'subdirs($(TESTED))' > build/CTestTestfile.cmake
	@ctest --test-dir build --parallel $(JOBS) --output-on-failure --no-tests=error

#: make debug         build and test one preset (CMakePresets.json) alone: debug, clang, asan or tsan
debug clang asan tsan: setup
	@$(call configure,$@)
	@$(call build,$@)
	@ctest --preset $@ --parallel $(JOBS)

# So many in each of the attacks of tests/hostile, of which there are more than thirty.
HOSTILE_MUTATIONS ?= 30000
# An attack's worker and host wait for each other, so a shard for each processor keeps all of them at work.
# A host that is forked again and again should be small.
attack = seq 0 $$(($(JOBS) - 1)) | COPROC_HOSTILE_MUTATIONS=$(HOSTILE_MUTATIONS) COPROC_TEST_SECONDS=3600 \
  ASAN_OPTIONS=quarantine_size_mb=16 UBSAN_OPTIONS=print_stacktrace=1 GTEST_TOTAL_SHARDS=$(JOBS) \
  xargs -P $(JOBS) -I {} env GTEST_SHARD_INDEX={} build/asan/tests/coproc_tests --gtest_brief=1 --gtest_filter=$(1)

#: make hostile       workers that do their worst, more than a million times, against a host with sanitizers
hostile: setup
	@$(call configure,asan)
	@$(call build,asan) --target coproc_tests
	$(call attack,'*Hostile*-*HostileInABox*')
	for box in guard compute files client; do \
	  export COPROC_HOSTILE_SANDBOX=$$box; $(call attack,'*HostileInABox*') || exit 1; \
	done
	@$(call configure,release)
	@$(call build,release) --target coproc_python
	COPROC_HOSTILE_MUTATIONS=$(HOSTILE_MUTATIONS) \
	  ctest --test-dir build/release --output-on-failure --no-tests=error --tests-regex '^python.hostile$$'

#: make model         only the model of the link (tests/model), checked by SPIN, and its mutants
model: setup
	@$(call configure,release)
	@ctest --preset release --parallel $(JOBS) --label-regex '^model$$'

#: make environments  workers and pools, of C++ and of Python, in each of the environments of tests/environments
environments: setup
	@$(call configure,release)
	@$(call build,release) --target coproc_python in_any_environment refuse_calls
	@ctest --preset release --parallel $(JOBS) --build-config all --label-regex '^environments$$'

#: make chaos         thousands of workers killed, at each step and at random times
# COPROC_CHAOS_KILLS says how many, and COPROC_CHAOS_SEED repeats a run.
chaos: export COPROC_CHAOS_KILLS ?= 10000
chaos: export COPROC_TEST_SECONDS ?= 3600
chaos: setup
	@$(call configure,chaos)
	@$(call build,chaos) --target coproc_tests
	@mkdir -p build/chaos/tmp
	TMPDIR=$(CURDIR)/build/chaos/tmp build/chaos/tests/coproc_tests --gtest_filter='Chaos*'

# Which of them talk by TLS once more.
by_tls := MachineMessages.*:MachineEnds.*:MachineLosses.*:MachineSilence.*:MachineMatrix.*:MachineFence.*
by_tls := $(by_tls):MachineRandomKills.*

#: make cluster       workers on other machines, by OpenSSH, TLS and Slurm too: killed, stopped and cut off, many times
cluster: export COPROC_CHAOS_KILLS ?= 5000
cluster: export COPROC_TEST_SECONDS ?= 3600
cluster: setup
	@$(call configure,release)
	@$(call build,release) --target coproc_machine_tests
	@mkdir -p build/release/tmp
	TMPDIR=$(CURDIR)/build/release/tmp build/release/tests/coproc_machine_tests --gtest_filter='Machine*'
	TMPDIR=$(CURDIR)/build/release/tmp COPROC_MACHINE_WIRE=tls build/release/tests/coproc_machine_tests \
	  --gtest_filter='$(by_tls)'

#: make fuzz          each fuzz target for FUZZ_SECONDS (60) on its corpus; what it finds goes to build/fuzz/found
# Thousands of links are made, and exceptions thrown: the address sanitizer's work for these takes half of the time.
FUZZ_SECONDS ?= 60
fuzz_targets = $(notdir $(wildcard fuzz/corpus/*))
fuzzer = ASAN_OPTIONS=quarantine_size_mb=16:detect_stack_use_after_return=0 UBSAN_OPTIONS=print_stacktrace=1 \
         ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-16 build/fuzz/fuzz/fuzz_$(1) \
         -max_len=8192 -len_control=0 -rss_limit_mb=1024 -malloc_limit_mb=64 -timeout=60

fuzz:
	@tools/setup.sh build
	@$(call configure,fuzz)
	@$(call build,fuzz)
	@set -e; for target in $(fuzz_targets); do \
	   mkdir -p build/fuzz/found/$$target; echo "== $$target"; \
	   $(call fuzzer,$$target) -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
	     -artifact_prefix=build/fuzz/found/$$target- build/fuzz/found/$$target fuzz/corpus/$$target; \
	 done

#: make bench         coproc beside everything else that connects processes: bench/results/DATE.json, .md and .svg
#: make bench-quick   only what the marks need, in under five minutes after the build: no other sizes, works and peers
# Both print at their end which marks are met (bench/marks.py).
# bench/run.py takes more: BENCH_OPTIONS='--works round_trip --rounds 21'
BENCH_OPTIONS ?=
bench bench-quick:
	@tools/setup.sh build bench
	@$(call configure,release)
	@$(call build,release) --target bench_peers
	@/usr/bin/python3 bench/run.py $(if $(filter bench-quick,$@),--quick) $(BENCH_OPTIONS)

#: make compile-time  how long a file takes to compile that includes coproc and starts a worker
compile-time: setup
	@bench/compile_time.sh

sources = $(shell find include src tests examples bench fuzz python -name '*.hpp' -o -name '*.cpp')
black = black --config python/pyproject.toml
python_sources = bench examples fuzz python tests tools

#: make format        clang-format and black over all sources (format-check: only say which differ)
format:
	@tools/setup.sh style
	@clang-format-16 -i $(sources)
	@$(black) --quiet $(python_sources)

format-check:
	@tools/setup.sh style
	@# Compared by hand: --dry-run reports the closing lines of nested inline namespaces that it would leave as they are.
	@! for file in $(sources); do clang-format-16 $$file | cmp -s - $$file || echo "$$file"; done | grep .
	@$(black) --check $(python_sources)
	@tools/line_width.py

#: make tidy          clang-tidy over the library
tidy: setup
	@tools/setup.sh style
	@$(call configure,clang)
	@run-clang-tidy-16 -quiet -p build/clang -j $(JOBS) "$(CURDIR)/src/.*(?<!_test)\.cpp"

#: make wheel         the Python module as build/wheel/coproc-*.whl, for pip install
# Built from a copy, so that setuptools leaves nothing among the sources.
wheel: setup
	@rm -rf build/wheel && mkdir -p build/wheel/source
	@cp -r CMakeLists.txt LICENSE cmake src include python build/wheel/source
	@/usr/bin/python3 -m build --wheel --no-isolation --outdir build/wheel build/wheel/source/python
	@rm -rf build/wheel/source

#: make install       into PREFIX (/usr/local), below DESTDIR if that is set
install: build
	@cmake --install build/release --prefix $(PREFIX)

clean:
	@rm -rf build

#: make clean         remove build/
