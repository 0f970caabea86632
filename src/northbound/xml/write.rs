//! Writes XML: elements with fixed prefixes, escaped text. Whoever calls it names elements correctly and closes them.

use std::fmt::{Display, Write as _};

/// An XML text being written.
#[derive(Debug)]
pub(in crate::northbound) struct Writer {
    out: String,
}

impl Writer {
    /// Begins with the XML declaration.
    pub(in crate::northbound) fn document() -> Self {
        let mut out = String::with_capacity(2048);
        out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        Self { out }
    }

    /// Opens an element; attributes may be part of the tag.
    pub(in crate::northbound) fn open(&mut self, tag: &str) {
        self.out.push('<');
        self.out.push_str(tag);
        self.out.push('>');
    }

    /// Closes the element of that name.
    pub(in crate::northbound) fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    /// An element with text in it; one prefix of a namespace and the local name.
    pub(in crate::northbound) fn leaf(&mut self, name: &str, text: &str) {
        self.open(name);
        self.text(text);
        self.close(name);
    }

    /// An element with a number, literal or time in it, which needs no escaping.
    pub(in crate::northbound) fn value(&mut self, name: &str, value: impl Display) {
        self.open(name);
        // Writing to a String does not fail.
        let _ = write!(self.out, "{value}");
        self.close(name);
    }

    /// The same, if there is something to say.
    pub(in crate::northbound) fn some_leaf(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.leaf(name, text);
        }
    }

    /// Text, escaped. A character that XML forbids becomes U+FFFD.
    pub(in crate::northbound) fn text(&mut self, text: &str) {
        for part in text.split_inclusive(|c: char| special(c)) {
            let mut chars = part.chars();
            match chars.next_back() {
                Some(last) if special(last) => {
                    self.out.push_str(chars.as_str());
                    self.special(last);
                }
                _ => self.out.push_str(part),
            }
        }
    }

    fn special(&mut self, c: char) {
        match c {
            '&' => self.out.push_str("&amp;"),
            '<' => self.out.push_str("&lt;"),
            '>' => self.out.push_str("&gt;"),
            '"' => self.out.push_str("&quot;"),
            // A bare CR would be read back as LF.
            '\r' => self.out.push_str("&#13;"),
            _ => self.out.push('\u{FFFD}'),
        }
    }

    /// The finished text.
    pub(in crate::northbound) fn finish(self) -> String {
        self.out
    }
}

fn special(c: char) -> bool {
    matches!(c, '&' | '<' | '>' | '"' | '\u{FFFE}' | '\u{FFFF}') || (c < ' ' && !matches!(c, '\t' | '\n'))
}
