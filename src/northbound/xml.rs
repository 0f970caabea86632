//! Reads one XML document into a small tree of borrowed names and texts, namespaces resolved.
//!
//! What an XML parser must refuse and quick-xml does not, is refused here: DTDs, unbound prefixes, truncation, a second
//! root, control characters, foreign encodings. Depth, element and attribute counts are bounded; the size of the body is the
//! server's business. Not a validator: what may stand where is decided by the files of the nouns.

mod element;
mod value;
pub(super) mod write;

pub(super) use element::{Element, Invalid, assign, unexpected};

use super::namespace::Namespace;
use quick_xml::NsReader;
use quick_xml::errors::SyntaxError;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{NamespaceError, ResolveResult};
use std::borrow::Cow;

/// Deepest nesting accepted; a message of ours has 10.
const MAX_DEPTH: usize = 64;
/// Most elements accepted in one document.
const MAX_ELEMENTS: usize = 200_000;
/// Most attributes, namespace declarations among them, accepted on one element: their check for duplicates is quadratic.
const MAX_ATTRIBUTES: usize = 64;
/// Most different foreign namespaces accepted.
const MAX_FOREIGN: usize = 64;

/// Most namespace declarations accepted in scope at one place: every name is looked up in them.
const MAX_BINDINGS: usize = 128;

/// Why a text is not a document that we read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum XmlError {
    #[error("the message is empty; a SOAP 1.1 envelope is expected")]
    Empty,
    #[error("the message is UTF-16; UTF-8 is accepted")]
    Utf16,
    #[error("the message is not UTF-8: byte {0} does not belong there")]
    NotUtf8(usize),
    #[error("the encoding {0} is not accepted; UTF-8 is")]
    Encoding(String),
    #[error("XML version {0} is not accepted; 1.0 is")]
    Version(String),
    #[error("line {line}: the control character U+{code:04X} is not allowed in XML")]
    Control { line: usize, code: u32 },
    #[error("line {0}: a document type declaration (DTD) is not accepted")]
    Dtd(usize),
    #[error(
        "line {line}: the entity &{name}; is not defined; only amp, lt, gt, quot, apos and character references are"
    )]
    Entity { line: usize, name: String },
    #[error("line {line}: the prefix {prefix} is not bound to a namespace")]
    UnboundPrefix { line: usize, prefix: String },
    #[error("line {line}: the attribute {name} is given twice")]
    DuplicateAttribute { line: usize, name: String },
    #[error("line {0}: elements are nested deeper than {MAX_DEPTH}")]
    TooDeep(usize),
    #[error("line {0}: more than {MAX_ELEMENTS} elements")]
    TooMany(usize),
    #[error(
        "line {0}: more than {MAX_ATTRIBUTES} attributes on one element, or more than {MAX_FOREIGN} foreign namespaces"
    )]
    TooManyAttributes(usize),
    #[error("line {0}: more than {MAX_BINDINGS} namespace declarations in scope")]
    TooManyBindings(usize),
    #[error("the message is truncated: {0} is not closed")]
    Truncated(String),
    #[error("line {0}: there is more after the end of the root element")]
    Trailing(usize),
    #[error("line {0}: text before the root element")]
    Leading(usize),
    #[error("line {line}: not well-formed XML: {reason}")]
    Syntax { line: usize, reason: String },
}

/// No such place in the list of elements.
const NOWHERE: u32 = u32::MAX;

/// A document: its elements in document order, the root first.
#[derive(Debug)]
pub(super) struct Document<'i> {
    nodes: Vec<Node<'i>>,
    attributes: Vec<Attribute>,
    foreign: Vec<String>,
}

#[derive(Debug)]
struct Node<'i> {
    namespace: Namespace,
    local: Cow<'i, str>,
    text: Cow<'i, str>,
    parent: u32,
    first_child: u32,
    next: u32,
}

/// An attribute that somebody may want: without a namespace, or of SOAP. Others (xsi, xml) are dropped after the checks.
#[derive(Debug)]
struct Attribute {
    node: u32,
    namespace: Namespace,
    local: String,
    value: String,
}

impl<'i> Document<'i> {
    /// Reads a whole body.
    pub(super) fn parse(body: &'i [u8]) -> Result<Self, XmlError> {
        let text = decode(body)?;
        let mut reader = NsReader::from_str(text);
        reader.config_mut().check_comments = true;
        reader.resolver_mut().set_max_namespace_bindings(MAX_BINDINGS);
        let mut build = Builder {
            text,
            document: Document { nodes: Vec::with_capacity(64), attributes: Vec::new(), foreign: Vec::new() },
            open: Vec::with_capacity(16),
        };
        loop {
            let at = reader.buffer_position();
            let event = reader.read_event().map_err(|error| build.broken(&error, reader.error_position()))?;
            match event {
                Event::Start(start) => build.start(&start, &reader, at, false)?,
                Event::Empty(start) => build.start(&start, &reader, at, true)?,
                Event::End(_) => {
                    build.open.pop();
                }
                Event::Text(text) => build.text(text.xml10_content(), at)?,
                Event::CData(text) => build.characters(text.xml10_content(), at)?,
                Event::GeneralRef(reference) => build.reference(&reference, at)?,
                Event::Decl(decl) => {
                    if at != 0 {
                        return Err(build.syntax(at, "an XML declaration stands only at the very beginning"));
                    }
                    check_declaration(&decl)?;
                }
                Event::DocType(_) => return Err(XmlError::Dtd(build.line(at))),
                Event::PI(_) | Event::Comment(_) => {}
                Event::Eof => return build.finish(),
            }
        }
    }

    /// The root element.
    pub(super) fn root(&self) -> Element<'_> {
        Element::new(self, 0)
    }
}

/// The body as text: UTF-8 with or without a byte order mark, without characters that XML forbids.
fn decode(body: &[u8]) -> Result<&str, XmlError> {
    if body.starts_with(&[0xFE, 0xFF]) || body.starts_with(&[0xFF, 0xFE]) {
        return Err(XmlError::Utf16);
    }
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let text = std::str::from_utf8(body).map_err(|error| XmlError::NotUtf8(error.valid_up_to()))?;
    let control = text.bytes().position(|byte| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r'));
    if let Some(at) = control.or_else(|| text.find(['\u{FFFE}', '\u{FFFF}'])) {
        let code = text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, u32::from);
        return Err(XmlError::Control { line: line_of(text, at), code });
    }
    if text.trim_ascii().is_empty() {
        return Err(XmlError::Empty);
    }
    Ok(text)
}

fn check_declaration(decl: &quick_xml::events::BytesDecl<'_>) -> Result<(), XmlError> {
    let syntax = |reason: String| XmlError::Syntax { line: 1, reason };
    let version = decl.version().map_err(|error| syntax(error.to_string()))?;
    if version != "1.0" {
        return Err(XmlError::Version(version.into_owned()));
    }
    match decl.encoding() {
        None => Ok(()),
        Some(Ok(name)) if name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("us-ascii") => {
            Ok(())
        }
        Some(Ok(name)) => Err(XmlError::Encoding(name.into_owned())),
        Some(Err(error)) => Err(syntax(error.to_string())),
    }
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

/// A document being read.
struct Builder<'i> {
    text: &'i str,
    document: Document<'i>,
    /// The open elements, each with its last child.
    open: Vec<(u32, u32)>,
}

impl<'i> Builder<'i> {
    fn line(&self, at: u64) -> usize {
        line_of(self.text, usize::try_from(at).unwrap_or(usize::MAX))
    }

    fn syntax(&self, at: u64, reason: impl ToString) -> XmlError {
        XmlError::Syntax { line: self.line(at), reason: reason.to_string() }
    }

    fn broken(&self, error: &quick_xml::Error, at: u64) -> XmlError {
        match error {
            quick_xml::Error::Syntax(SyntaxError::UnclosedDoctype) => XmlError::Dtd(self.line(at)),
            quick_xml::Error::Syntax(SyntaxError::InvalidBangMarkup) => self.syntax(at, error),
            quick_xml::Error::Syntax(_) => self.truncated(),
            quick_xml::Error::Namespace(NamespaceError::TooManyBindings(_)) => {
                XmlError::TooManyBindings(self.line(at))
            }
            other => self.syntax(at, other),
        }
    }

    fn truncated(&self) -> XmlError {
        let open = self.open.last().and_then(|(node, _)| self.document.nodes.get(*node as usize));
        XmlError::Truncated(open.map_or_else(|| "markup".to_owned(), |node| node.local.to_string()))
    }

    fn start(
        &mut self,
        start: &BytesStart<'_>,
        reader: &NsReader<&[u8]>,
        at: u64,
        empty: bool,
    ) -> Result<(), XmlError> {
        let parent = self.open.last().map_or(NOWHERE, |(node, _)| *node);
        if parent == NOWHERE && !self.document.nodes.is_empty() {
            return Err(XmlError::Trailing(self.line(at)));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(XmlError::TooDeep(self.line(at)));
        }
        if self.document.nodes.len() >= MAX_ELEMENTS {
            return Err(XmlError::TooMany(self.line(at)));
        }
        let node = u32::try_from(self.document.nodes.len()).unwrap_or(NOWHERE);
        let (resolved, local) = reader.resolver().resolve_element(start.name());
        let namespace = self.namespace(&resolved, at)?;
        let local = self.borrowed(local.into_inner());
        self.attributes(start, reader, at, node)?;
        self.document.nodes.push(Node {
            namespace,
            local,
            text: Cow::Borrowed(""),
            parent,
            first_child: NOWHERE,
            next: NOWHERE,
        });
        self.link(node);
        if !empty {
            self.open.push((node, NOWHERE));
        }
        Ok(())
    }

    /// Hangs a new element behind the last child of the open one.
    fn link(&mut self, node: u32) {
        let Some((parent, last)) = self.open.last_mut() else { return };
        let (at, first) = if *last == NOWHERE { (*parent, true) } else { (*last, false) };
        if let Some(before) = self.document.nodes.get_mut(at as usize) {
            *if first { &mut before.first_child } else { &mut before.next } = node;
        }
        *last = node;
    }

    fn attributes(
        &mut self,
        start: &BytesStart<'_>,
        reader: &NsReader<&[u8]>,
        at: u64,
        node: u32,
    ) -> Result<(), XmlError> {
        if start.attributes_raw().trim_ascii().is_empty() {
            return Ok(());
        }
        let before = self.document.attributes.len();
        for (count, attribute) in start.attributes().enumerate() {
            let attribute = attribute.map_err(|error| self.bad_attribute(&error, at))?;
            if count >= MAX_ATTRIBUTES {
                return Err(XmlError::TooManyAttributes(self.line(at)));
            }
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            let (resolved, local) = reader.resolver().resolve_attribute(attribute.key);
            let namespace = self.namespace(&resolved, at)?;
            let local = local.into_inner();
            let own = self.document.attributes.get(before..).unwrap_or_default();
            if own.iter().any(|other| other.namespace == namespace && other.local == local) {
                return Err(XmlError::DuplicateAttribute { line: self.line(at), name: local.to_owned() });
            }
            let value = attribute
                .normalized_value(quick_xml::XmlVersion::Explicit1_0)
                .map_err(|error| self.syntax(at, error))?
                .into_owned();
            self.document.attributes.push(Attribute { node, namespace, local: local.to_owned(), value });
        }
        Ok(())
    }

    fn bad_attribute(&self, error: &quick_xml::events::attributes::AttrError, at: u64) -> XmlError {
        match error {
            quick_xml::events::attributes::AttrError::Duplicated(..) => {
                self.syntax(at, "an attribute is given twice")
            }
            other => self.syntax(at, other),
        }
    }

    fn namespace(&mut self, resolved: &ResolveResult<'_>, at: u64) -> Result<Namespace, XmlError> {
        let uri = match resolved {
            ResolveResult::Unbound => return Ok(Namespace::None),
            ResolveResult::Bound(uri) => uri.into_inner(),
            ResolveResult::Unknown(prefix) => {
                return Err(XmlError::UnboundPrefix { line: self.line(at), prefix: prefix.clone() });
            }
        };
        if let Some(known) = Namespace::known(uri) {
            return Ok(known);
        }
        let foreign = &mut self.document.foreign;
        let place = foreign.iter().position(|known| known == uri).unwrap_or_else(|| {
            foreign.push(uri.to_owned());
            foreign.len() - 1
        });
        if place >= MAX_FOREIGN {
            return Err(XmlError::TooManyAttributes(self.line(at)));
        }
        Ok(Namespace::Foreign(u16::try_from(place).unwrap_or(u16::MAX)))
    }

    /// The same text with the life of the body, without a copy: quick-xml ties names to its event.
    fn borrowed(&self, part: &str) -> Cow<'i, str> {
        let from = part.as_ptr().addr().wrapping_sub(self.text.as_ptr().addr());
        match self.text.get(from..from.wrapping_add(part.len())) {
            Some(same) if same == part => Cow::Borrowed(same),
            _ => Cow::Owned(part.to_owned()),
        }
    }

    /// Text between tags: white space outside the root and between children says nothing.
    fn text(&mut self, text: Cow<'i, str>, at: u64) -> Result<(), XmlError> {
        let blank = text.bytes().all(|byte| byte.is_ascii_whitespace());
        match self.open.last() {
            None if blank => Ok(()),
            Some((_, child)) if blank && *child != NOWHERE => Ok(()),
            _ => self.characters(text, at),
        }
    }

    fn characters(&mut self, text: Cow<'i, str>, at: u64) -> Result<(), XmlError> {
        let Some((node, _)) = self.open.last() else {
            let line = self.line(at);
            return Err(if self.document.nodes.is_empty() {
                XmlError::Leading(line)
            } else {
                XmlError::Trailing(line)
            });
        };
        if let Some(node) = self.document.nodes.get_mut(*node as usize) {
            if node.text.is_empty() {
                node.text = text;
            } else {
                node.text.to_mut().push_str(&text);
            }
        }
        Ok(())
    }

    fn reference(&mut self, reference: &BytesRef<'_>, at: u64) -> Result<(), XmlError> {
        if reference.is_char_ref() {
            let found = reference.resolve_char_ref().map_err(|error| self.syntax(at, error))?;
            let found = found.unwrap_or('\0');
            if (found < ' ' && !matches!(found, '\t' | '\n' | '\r'))
                || matches!(found, '\u{FFFE}' | '\u{FFFF}')
            {
                return Err(XmlError::Control { line: self.line(at), code: u32::from(found) });
            }
            return self.characters(Cow::Owned(found.to_string()), at);
        }
        let name = reference.xml10_content();
        match quick_xml::escape::resolve_xml_entity(&name) {
            Some(text) => self.characters(Cow::Borrowed(text), at),
            None => Err(XmlError::Entity { line: self.line(at), name: name.chars().take(40).collect() }),
        }
    }

    fn finish(self) -> Result<Document<'i>, XmlError> {
        if !self.open.is_empty() {
            return Err(self.truncated());
        }
        if self.document.nodes.is_empty() {
            return Err(XmlError::Empty);
        }
        Ok(self.document)
    }
}

#[cfg(test)]
mod tests;
