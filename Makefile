# SPDX-License-Identifier: MIT OR Apache-2.0
# The front door. CMakeLists.txt does the building, scripts/ the rest.

PREFIX ?= /usr/local
DESTDIR ?=
BUILD ?= build
MAKEFLAGS += --no-print-directory
JOBS ?= $(shell nproc)

.PHONY: help lib demo test test-urcu bench bench-peers scale torture soak sanitize mutants loom fresh install header man abi dist deb clean

help:
	@echo 'hazptr: hazard pointers for user space'
	@echo
	@echo '  make demo      install into build/, run examples/reload.c on /etc/services'
	@echo '  make test      every test and every model; half an hour'
	@echo '  make test-urcu what there is for programs that use userspace RCU, DURATION=20 seconds each'
	@echo '  make bench     the table of figures; let nothing else run'
	@echo '  make bench-peers  hazptr beside other libraries, into docs/bench; PEERS="--quick"'
	@echo '  make scale     the cost of a read, beside that of other ways; SCALE="nreaders=2"'
	@echo '  make torture   hazptrtorture in every scenario, DURATION=10 seconds each'
	@echo '  make soak      everything at once, DURATION=1200 seconds, and a balance in the end'
	@echo '  make sanitize  the tests under AddressSanitizer, ThreadSanitizer, UBSan, memcheck'
	@echo '  make mutants   the engine weakened in one place after another; who notices (an hour)'
	@echo '  make loom      the engine itself under loom without a bound, LIMIT=600 seconds a test'
	@echo '  make fresh     the README in a bare Debian 12, as root'
	@echo '  make install   PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)'
	@echo '  make header    write include/hazptr.h anew from src/abi.rs'
	@echo '  make man       write the manual pages anew from include/hazptr.h'
	@echo '  make abi       write abi/hazptr-0.abi and hazptr-urcu-0.abi anew'
	@echo '  make dist      a source archive with all crates, tried without network'
	@echo '  make deb       Debian packages, tried in a bare Debian if you are root'
	@echo '  make lib       build the libraries only, into $(BUILD)/lib'
	@echo '  make clean'
	@echo
	@echo 'Missing Debian packages are installed if you are root; else, and with HAZPTR_SETUP=no, the'
	@echo 'command is printed.'

lib:
	@scripts/setup.sh cmake
	@mkdir -p "$(BUILD)"
	@cmake -S . -B "$(BUILD)" -DCMAKE_INSTALL_PREFIX="$(PREFIX)" -DHAZPTR_TESTS=OFF \
		>"$(BUILD)/configure.log" || { cat "$(BUILD)/configure.log"; exit 1; }
	@cmake --build "$(BUILD)" -j$(JOBS)
	@touch "$(BUILD)/built"

# For `make install`: who does that after `make lib` may be root without cargo, and needs none.
$(BUILD)/built: $(wildcard CMakeLists.txt Cargo.* build.rs cmake/* pkgconfig/* src/*.rs include/*.h \
                include/*/* urcu/* urcu/compat/* urcu/compat/*/* ffi-tests/torture/CMakeLists.txt ffi-tests/torture/*.[ch])
	@$(MAKE) lib

demo:
	@scripts/setup.sh cmake pkg-config
	@$(MAKE) install BUILD=build/demo PREFIX="$(CURDIR)/build/prefix" DESTDIR=
	@examples/demo.sh build/prefix

test:
	@scripts/test.sh

test-urcu:
	@scripts/urcu.sh

bench:
	@scripts/setup.sh cmake
	@cmake -S . -B $(BUILD)/bench -DHAZPTR_TESTS=OFF -DCMAKE_BUILD_TYPE=Release >/dev/null
	@cmake --build $(BUILD)/bench -j$(JOBS) --target bench
	@$(BUILD)/bench/benches/bench $(BENCH)

scale:
	@scripts/setup.sh cmake pkg-config
	@cmake -S . -B $(BUILD)/bench -DHAZPTR_TESTS=OFF -DCMAKE_BUILD_TYPE=Release >/dev/null
	@cmake --build $(BUILD)/bench -j$(JOBS) --target hazptrscale
	@$(BUILD)/bench/benches/scale/hazptrscale $(SCALE)

bench-peers:
	@BUILD=$(BUILD) JOBS=$(JOBS) scripts/bench-peers.sh $(PEERS)

torture:
	@scripts/torture.sh $(SCENARIOS)

soak:
	@scripts/soak.sh

sanitize:
	@scripts/sanitize.sh $(SANITIZERS)

mutants:
	@scripts/setup.sh cmake ninja c++ pkg-config valgrind clang strace python3 abidiff gdb scdoc mandoc man
	@scripts/mutants/run.py $(MUTANTS)

loom:
	@scripts/setup.sh
	@models/loom/run.sh --all

fresh:
	@scripts/fresh.sh $(FRESH)

install: $(BUILD)/built
	@DESTDIR="$(DESTDIR)" cmake --install "$(BUILD)" --prefix "$(PREFIX)" >"$(BUILD)/install.log" \
		|| { cat "$(BUILD)/install.log"; exit 1; }
	@echo "installed into $(DESTDIR)$(PREFIX); if the loader does not look there yet: ldconfig"

header:
	HAZPTR_WRITE_HEADER=1 cargo test --quiet up_to_date

man:
	@scripts/setup.sh python3 scdoc
	@scripts/man.py

abi:
	@scripts/setup.sh abidw
	@abi/write.sh
	@abi/urcu.sh --write

dist:
	@scripts/dist.sh

deb:
	@scripts/deb.sh

clean:
	rm -rf build target
