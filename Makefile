# A thin front for Meson and ninja. `make help` says what there is.
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 300
SOAK_SECONDS ?= 3600
WRITE ?=
REAL ?=
RECOVERY ?=
LTO ?= true
QUICK ?=

all: build/build.ninja
	@ninja -C build --quiet

build/build.ninja:
	@tools/dev/setup demo
	@tools/dev/configure build --optimization=2

demo: all
	@build/tools/handfast demo
	@build/tools/handfast demo --with-linux

test:
	@tools/dev/test

conformance:
	@tools/dev/setup demo test
	@tools/dev/configure build -Dtests=enabled
	@ninja -C build --quiet
	@tools/dev/conformance build $(if $(WRITE),--write)

fuzz:
	@tools/dev/setup demo test
	@tools/dev/fuzz $(FUZZ_SECONDS)

soak:
	@tools/dev/setup demo test
	@tools/dev/soak $(SOAK_SECONDS)

bench: build/build.ninja
	@tools/dev/setup demo bench
	@tools/dev/configure build-bench --optimization=2 -Db_lto=$(LTO) -Dbench=enabled -Dtests=disabled
	@ninja -C build-bench --quiet bench/handfast-bench bench/handfast-hot bench/handfast-tun \
	    bench/handfast-explain-bench
	@tools/dev/bench $(if $(QUICK),--quick)

bench-recovery: build/build.ninja
	@tools/dev/setup demo bench
	@tools/dev/configure build -Dbench=enabled
	@ninja -C build --quiet
	@build/bench/handfast-recovery --json build/bench-recovery.json \
		$(if $(REAL),--real,--virtual $(if $(WRITE),--write-golden bench/recovery.golden,\
		$(if $(wildcard bench/recovery.golden),--golden bench/recovery.golden))) $(RECOVERY)

fmt:
	@tools/dev/setup fmt
	@git ls-files '*.c' '*.h' | xargs clang-format -i

install: all
	@meson configure build -Dprefix='$(abspath $(PREFIX))'
	@DESTDIR='$(DESTDIR)' meson install -C build --quiet

clean:
	@rm -rf build build-gcc build-clang build-sanitize build-threads build-fuzz

help:
	@echo 'make              the command (build/tools/handfast) and libhandfast'
	@echo 'make demo         a connection from open to close, in memory and with Linux'
	@echo 'make test         everything that is checked, with gcc and clang'
	@echo 'make conformance  each requirement, cell and attack, and the tests that prove it'
	@echo 'make fuzz         every fuzz target for FUZZ_SECONDS=$(FUZZ_SECONDS)'
	@echo 'make soak         the tests at full size, fresh seeds for SOAK_SECONDS=$(SOAK_SECONDS)'
	@echo 'make bench        speed and memory; tables and build/bench.json; QUICK=1: a short one'
	@echo 'make bench-recovery  loss recovery over a grid of paths; REAL=1: beside Linux (docs/recovery-bench.md)'
	@echo 'make fmt          clang-format over the sources'
	@echo 'make install      to PREFIX=$(PREFIX), below DESTDIR'
	@echo 'make clean        remove what was built'

.PHONY: all demo test conformance fuzz soak bench bench-recovery fmt install clean help
