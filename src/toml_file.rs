//! A reader of TOML files that knows where everything stands and collects every fault instead of stopping at the first.
//!
//! The caller takes each key that it knows from a [`Table`]; [`Table::finish`] reports the keys that nobody took.
//! A file that is not valid TOML yields only its syntax faults: what follows from a broken line would mislead.
//! It knows nothing of what the keys mean.

mod duration;
mod fault;
mod table;
mod value;

pub use duration::{duration_text, parse_duration};
pub use fault::{Fault, Faults};
pub use table::Table;
pub use value::{Item, Placed};

use std::cell::RefCell;
use std::io::Read as _;
use std::path::Path;
use std::rc::Rc;

/// Most faults kept of one file; the rest is counted.
const MAX_FAULTS: usize = 500;

/// A file with more syntax faults than this is something else than TOML: the first of them is enough.
const MAX_SYNTAX_FAULTS: usize = 10;

/// Most names in a dotted key. The parser nests one table for each, so without a bound a line of dots is a stack overflow.
const MAX_DOTS: usize = 64;

/// One file: its text, and the faults found in it so far.
#[derive(Clone, Debug)]
pub struct TomlFile {
    source: Rc<Source>,
}

#[derive(Debug)]
struct Source {
    file: String,
    text: String,
    /// Where each line begins.
    lines: Vec<usize>,
    faults: RefCell<Vec<Fault>>,
    remarks: RefCell<Vec<Fault>>,
    more: RefCell<usize>,
}

/// A place in a file, for a fault that is only seen later.
#[derive(Clone, Debug)]
pub struct Place {
    source: Rc<Source>,
    offset: usize,
}

impl TomlFile {
    /// Reads and parses a file of at most `limit` bytes. Faults name the file as the path is written.
    ///
    /// # Errors
    /// It cannot be read, is too large, is not UTF-8 or is not TOML.
    pub fn read(path: &Path, limit: usize) -> Result<(Self, Table), Faults> {
        let name = path.display().to_string();
        let whole = |message: String| Faults::from(Fault::of_file(name.clone(), message));
        let file = std::fs::File::open(path).map_err(|why| whole(cannot_read(&why)))?;
        let is_file = file.metadata().is_ok_and(|m| !m.is_dir());
        if !is_file {
            return Err(whole("this is a folder; a file is expected".to_owned()));
        }
        let mut bytes = Vec::new();
        let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        file.take(bound).read_to_end(&mut bytes).map_err(|why| whole(cannot_read(&why)))?;
        if bytes.len() > limit {
            return Err(whole(too_large(limit)));
        }
        let text = String::from_utf8(bytes).map_err(|why| {
            let at = why.utf8_error().valid_up_to();
            whole(format!("not UTF-8 text (byte {at} is wrong); save the file as UTF-8"))
        })?;
        Self::parse(&name, &text, limit)
    }

    /// Parses a text of at most `limit` bytes; `name` is what faults call the file.
    ///
    /// # Errors
    /// It is too large or not TOML: every syntax fault.
    pub fn parse(name: &str, text: &str, limit: usize) -> Result<(Self, Table), Faults> {
        if text.len() > limit {
            return Err(Fault::of_file(name.to_owned(), too_large(limit)).into());
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let file = Self {
            source: Rc::new(Source {
                file: name.to_owned(),
                text: text.to_owned(),
                lines: std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect(),
                faults: RefCell::default(),
                remarks: RefCell::default(),
                more: RefCell::default(),
            }),
        };
        if let Some(offset) = too_many_dots(&file.source.text) {
            file.place(offset)
                .fault(format!("a key here has more than {MAX_DOTS} dotted names; keys are short"));
            return Err(file.into_faults());
        }
        let (root, errors) = toml::de::DeTable::parse_recoverable(&file.source.text);
        let begins = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
        let first = errors.iter().min_by_key(|error| begins(error));
        if let Some(first) = first.filter(|_| errors.len() > MAX_SYNTAX_FAULTS) {
            let (words, more) = (syntax_words(first.message()), errors.len() - 1);
            file.place(begins(first)).fault(format!("{words}; and {more} more: this is not a TOML file"));
            return Err(file.into_faults());
        }
        for error in &errors {
            file.place(begins(error)).fault(syntax_words(error.message()));
        }
        if !errors.is_empty() {
            return Err(file.into_faults());
        }
        let table = Table::root(&file, root);
        if file.is_faulty() { Err(file.into_faults()) } else { Ok((file, table)) }
    }

    /// True if a fault was found so far.
    #[must_use]
    pub fn is_faulty(&self) -> bool {
        !self.source.faults.borrow().is_empty()
    }

    /// The faults found so far, sorted by place. Tables read later still report to this file.
    #[must_use]
    pub fn faults(&self) -> Faults {
        let mut list: Vec<Fault> = self.source.faults.borrow().clone();
        let more = *self.source.more.borrow();
        if more > 0 {
            list.push(Fault::of_end(
                self.source.file.clone(),
                format!("and {more} more faults in this file"),
            ));
        }
        Faults::new(list)
    }

    /// What is worth saying of it and no fault, sorted by place.
    #[must_use]
    pub fn remarks(&self) -> Faults {
        Faults::new(self.source.remarks.borrow().clone())
    }

    fn into_faults(self) -> Faults {
        self.faults()
    }

    fn place(&self, offset: usize) -> Place {
        Place { source: self.source.clone(), offset }
    }
}

impl Place {
    /// Reports a fault at this place to the file.
    pub fn fault(&self, message: impl Into<String>) {
        let mut faults = self.source.faults.borrow_mut();
        if faults.len() >= MAX_FAULTS {
            *self.source.more.borrow_mut() += 1;
            return;
        }
        let (line, column) = self.line_column();
        faults.push(Fault { file: self.source.file.clone(), line, column, message: message.into() });
    }

    /// Says something about this place that is no fault: it stops nothing.
    pub fn remark(&self, message: impl Into<String>) {
        let mut remarks = self.source.remarks.borrow_mut();
        if remarks.len() < MAX_FAULTS {
            let (line, column) = self.line_column();
            remarks.push(Fault { file: self.source.file.clone(), line, column, message: message.into() });
        }
    }

    /// The file as faults call it.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.source.file
    }

    /// Line and column, both from 1; a column is a character.
    #[must_use]
    pub fn line_column(&self) -> (usize, usize) {
        let line = self.line();
        let start = self.source.lines.get(line - 1).copied().unwrap_or_default();
        let before = self.source.text.get(start..self.offset).unwrap_or_default();
        let column = before.chars().count() + 1;
        (line, column)
    }

    fn line(&self) -> usize {
        self.source.lines.partition_point(|start| *start <= self.offset).max(1)
    }

    /// `line 12`, or `devices.d/a.toml:12` if that is another file than the one the sentence is about.
    #[must_use]
    pub fn seen_from(&self, other: &Self) -> String {
        let line = self.line();
        if Rc::ptr_eq(&self.source, &other.source) {
            format!("line {line}")
        } else {
            format!("{}:{line}", self.source.file)
        }
    }

    fn at(&self, offset: usize) -> Self {
        Self { source: self.source.clone(), offset }
    }
}

fn cannot_read(why: &std::io::Error) -> String {
    match why.kind() {
        std::io::ErrorKind::NotFound => "there is no such file; check the path".to_owned(),
        std::io::ErrorKind::PermissionDenied => {
            "this user may not read the file; check its owner and mode".to_owned()
        }
        _ => format!("cannot be read: {why}"),
    }
}

fn too_large(limit: usize) -> String {
    format!("larger than {} KiB; a file of this kind is far smaller", limit / 1024)
}

/// The parser's words, as a sentence that says which language the rule is from.
fn syntax_words(message: &str) -> String {
    let told = [
        ("duplicate key", "this is given twice; keep one of them"),
        (
            "string values must be quoted",
            "a value is missing here, or a text is not in quotes; write key = \"text\"",
        ),
        (
            "invalid basic string",
            "this text is not closed or has a wrong \\ in it; close it with \" on the same line",
        ),
        ("invalid literal string", "this text is not closed; close it with ' on the same line"),
        ("key with no value", "this key has no value; write key = \"text\" or key = 5"),
        ("unclosed array table", "this header is not closed; write it like [[device]]"),
        ("unclosed table", "this header is not closed; write it like [gateway]"),
        ("unclosed array", "this list is not closed; end it with ]"),
        ("unclosed inline table", "this table is not closed; end it with }"),
        ("missing comma between array elements", "a comma is missing between two items of this list"),
    ];
    let own = told.iter().find(|(theirs, _)| message.starts_with(theirs)).map(|(_, ours)| (*ours).to_owned());
    own.unwrap_or_else(|| format!("not valid TOML: {}", message.trim().replace('\n', ", ")))
}

/// Where a dotted key may have too many names: a stretch between separators with too many single dots. Runs of dots
/// count as one: they make no key, but they do decorate comments.
fn too_many_dots(text: &str) -> Option<usize> {
    let (mut dots, mut last, mut start) = (0, ' ', 0);
    for (at, c) in text.char_indices() {
        match c {
            '\n' | '=' | ',' | '{' | '[' => (dots, start) = (0, at),
            '.' if last != '.' => dots += 1,
            _ => {}
        }
        if dots > MAX_DOTS {
            return Some(start + usize::from(text.get(start..).is_some_and(|t| t.starts_with('\n'))));
        }
        last = c;
    }
    None
}

#[cfg(test)]
mod tests;
