# The two commands that matter: `make run` and `make test`.

export CARGO_TARGET_DIR ?= $(CURDIR)/target
# Where no toolchain can be fetched, the right compiler may be there under another name.
ifneq ($(shell rustc --version >/dev/null 2>&1 && echo there),there)
export RUSTUP_TOOLCHAIN := stable
endif
RUST_VERSION := $(shell sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
LISTEN ?= 127.0.0.1:8470
DATA ?= data

CONSOLE_SOURCES := $(shell find console/src console/public console/scripts -type f ! -name schema.d.ts) \
  console/index.html console/vite.config.ts crates/server/tests/openapi.json
CONSOLE_PACKAGES := console/node_modules/.package-lock.json

.PHONY: compiler build run test bench lint console

# Before anything is fetched.
compiler:
	@rustc --version >/dev/null || { echo "no Rust compiler answers: this needs Rust $(RUST_VERSION) (rust-toolchain.toml), by rustup or as a package" >&2; exit 1; }

build: compiler console
	ACTARIUM_CONSOLE_DIR="$(CURDIR)/console/dist" cargo build --release --locked -p actarium-cli -p actarium-verify
	mkdir -p bin
	install -m 755 "$(CARGO_TARGET_DIR)/release/actarium" bin/actarium.new
	mv bin/actarium.new bin/actarium
	install -m 755 "$(CARGO_TARGET_DIR)/release/actarium-verify" bin/actarium-verify.new
	mv bin/actarium-verify.new bin/actarium-verify

# The console's bundle, which becomes part of the binary.
console: console/dist/index.html

console/dist/index.html: $(CONSOLE_SOURCES) $(CONSOLE_PACKAGES)
	npm run --silent --prefix console build

$(CONSOLE_PACKAGES): console/package.json console/package-lock.json
	npm ci --prefix console --no-audit --no-fund
	touch $(CONSOLE_PACKAGES)

run: build
	exec bin/actarium serve --data-dir "$(DATA)" --listen "$(LISTEN)" --demo

test: build
	tests/run

bench:
	bench/run $(EVENTS)
	bench/evidence

lint: $(CONSOLE_PACKAGES)
	npm run --silent --prefix console check
	npm run --silent --prefix console lint
	cargo fmt --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	tests/deny
