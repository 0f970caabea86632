//! `--json` for what goes wrong: whoever reads stdout as JSON finds one object there, whatever happens.
//!
//! The sentence stands on stderr all the same. A command that printed something already has told its story, and gets nothing
//! added: two documents on end are none.

use super::End;
use serde_json::json;
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// Where the data of a command goes; it knows whether any did.
pub(super) struct Out<W> {
    to: W,
    /// The person asked for JSON.
    json: bool,
    used: bool,
}

impl<W: Write> Out<W> {
    pub const fn new(to: W, json: bool) -> Self {
        Self { to, json, used: false }
    }

    /// Says how a command ended, and gives the exit status.
    pub fn ended(&mut self, end: &End) -> ExitCode {
        self.failure(end);
        end.told()
    }

    /// The object of a failure, where nothing else was printed.
    fn failure(&mut self, end: &End) {
        let kind = match end {
            End::Done => return,
            End::Failed(_) => "failed",
            End::Usage(_) => "usage",
            End::NoAnswer(_) => "no_answer",
        };
        if self.json && !self.used {
            let document = json!({ "error": end.words(), "kind": kind, "exit_status": end.status() });
            // Whoever has gone does not want it.
            let _ = writeln!(self.to, "{document:#}").and_then(|()| self.to.flush());
        }
    }
}

impl<W: Write> Write for Out<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.used |= !bytes.is_empty();
        self.to.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}

/// True if the words of a command line ask for JSON: they may not be understood otherwise.
pub(super) fn is_wanted(words: &[OsString]) -> bool {
    words.iter().take_while(|word| *word != "--").any(|word| word == "--json")
}

/// How it ends if the words are no command: help and version are no failures.
pub(super) fn of_parser<W: Write>(error: &clap::Error, out: &mut Out<W>) -> ExitCode {
    // As the parser would say it, with its colours.
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    let words = error.to_string();
    let first = words.split("\n\n").next().unwrap_or_default().trim();
    out.failure(&End::Usage(first.strip_prefix("error: ").unwrap_or(first).to_owned()));
    ExitCode::from(2)
}

#[cfg(test)]
mod tests;
