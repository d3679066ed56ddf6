# The two commands that matter: `make run` and `make test`.

export CARGO_TARGET_DIR ?= $(CURDIR)/target
# Where no toolchain can be fetched, the right compiler may be there under another name.
ifneq ($(shell rustc --version >/dev/null 2>&1 && echo there),there)
export RUSTUP_TOOLCHAIN := stable
endif
LISTEN ?= 127.0.0.1:8470
DATA ?= data

.PHONY: build run test bench lint

build:
	cargo build --release --locked -p actarium-cli
	mkdir -p bin
	install -m 755 "$(CARGO_TARGET_DIR)/release/actarium" bin/actarium.new
	mv bin/actarium.new bin/actarium

run: build
	exec bin/actarium serve --data-dir "$(DATA)" --listen "$(LISTEN)" --demo

test: build
	tests/run

bench:
	bench/run $(EVENTS)

lint:
	cargo fmt --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	tests/deny
