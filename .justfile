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

# The tests on a machine that stalls for seconds at any moment: which of them expect it to be quick?
stalls rounds="3":
    python3 tests/stalls.py --rounds {{rounds}}

bench:
    cargo bench

# Each fuzz target in turn; needs `cargo install cargo-fuzz --locked` once
fuzz seconds="900":
    python3 fuzz/seed.py
    for target in frames chain points maps outstations; do RUSTC_BOOTSTRAP=1 cargo fuzz run $target -- -max_total_time={{seconds}} -max_len=4096 -timeout=20 -rss_limit_mb=3000 || exit 1; done
