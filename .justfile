# Short names for what is done often; `just --list` shows them.

default: check

check:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings

test:
    cargo test

ci:
    bash .ci/run

demo:
    cargo run --release -- demo

# 50 rounds of kill -9 in a stream of requests
kill-test rounds="50":
    cargo build --release
    python3 tests/interop/kill.py --rounds {{rounds}}

bench:
    cargo bench
