//! Walking a document: an element, its children, and where it stands, for words that say where something is wrong.

use super::{Document, NOWHERE, Namespace, Node};

/// Something in a message is not as the schema wants it; the words say where and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(in crate::northbound) struct Invalid(pub(in crate::northbound) String);

/// Levels above Header, Request and Payload: Envelope, Body, and the message itself. Paths begin below them.
const ENVELOPE_LEVELS: usize = 3;

/// An element of a document.
#[derive(Clone, Copy, Debug)]
pub(in crate::northbound) struct Element<'d> {
    document: &'d Document<'d>,
    at: u32,
}

impl<'d> Element<'d> {
    pub(super) fn new(document: &'d Document<'d>, at: u32) -> Self {
        Self { document, at }
    }

    fn node(self) -> Option<&'d Node<'d>> {
        self.document.nodes.get(self.at as usize)
    }

    /// Its name without a prefix.
    pub(in crate::northbound) fn local(self) -> &'d str {
        self.node().map_or("", |node| &node.local)
    }

    /// Its namespace.
    pub(in crate::northbound) fn namespace(self) -> Namespace {
        self.node().map_or(Namespace::None, |node| node.namespace)
    }

    /// The URI of its namespace; empty if it has none.
    pub(in crate::northbound) fn namespace_uri(self) -> &'d str {
        match self.namespace() {
            Namespace::Foreign(place) => {
                self.document.foreign.get(usize::from(place)).map_or("", String::as_str)
            }
            known => known.uri(),
        }
    }

    /// True for this name in this namespace.
    pub(in crate::northbound) fn is(self, namespace: Namespace, local: &str) -> bool {
        self.namespace() == namespace && self.local() == local
    }

    /// Its name if it is in the namespace that is right here.
    pub(in crate::northbound) fn name_in(self, namespace: Namespace) -> Result<&'d str, Invalid> {
        if self.namespace() == namespace {
            return Ok(self.local());
        }
        let found = match self.namespace_uri() {
            "" => "no namespace".to_owned(),
            uri => format!("the namespace {uri}"),
        };
        Err(self.invalid(format!("is in {found}; {} is right here", namespace.uri())))
    }

    /// The character data directly in it, as written.
    pub(in crate::northbound) fn raw_text(self) -> &'d str {
        self.node().map_or("", |node| &node.text)
    }

    /// Its child elements. Text between them is an error when they are asked for one after the other.
    pub(in crate::northbound) fn children(self) -> Children<'d> {
        Children { document: self.document, next: self.node().map_or(NOWHERE, |node| node.first_child) }
    }

    /// Its child elements, if there is nothing but white space between them.
    pub(in crate::northbound) fn only_children(self) -> Result<Children<'d>, Invalid> {
        let text = self.raw_text().trim_ascii();
        if text.is_empty() {
            return Ok(self.children());
        }
        Err(self.invalid(format!("text {} stands where only elements may", quoted(text))))
    }

    /// The value of an attribute.
    pub(in crate::northbound) fn attribute(self, namespace: Namespace, local: &str) -> Option<&'d str> {
        let all = &self.document.attributes;
        let first = all.partition_point(|attribute| attribute.node < self.at);
        let own = all.iter().skip(first).take_while(|attribute| attribute.node == self.at);
        own.into_iter().find(|a| a.namespace == namespace && a.local == local).map(|a| a.value.as_str())
    }

    /// Something is wrong with this element.
    pub(in crate::northbound) fn invalid(self, words: impl std::fmt::Display) -> Invalid {
        Invalid(format!("{}: {words}", self.path()))
    }

    /// A child that must be there is not.
    pub(in crate::northbound) fn missing(self, local: &str) -> Invalid {
        Invalid(format!("{}/{local} is missing", self.path()))
    }

    /// Where it stands, such as `Payload/DERGroups/EndDeviceGroup[2]`.
    pub(in crate::northbound) fn path(self) -> String {
        let mut steps = Vec::new();
        let mut here = Some(self);
        while let Some(element) = here {
            steps.push(element.step());
            here = element.parent();
        }
        if steps.len() > ENVELOPE_LEVELS {
            steps.truncate(steps.len() - ENVELOPE_LEVELS);
        } else {
            steps.truncate(1);
        }
        steps.reverse();
        steps.join("/")
    }

    fn parent(self) -> Option<Self> {
        let at = self.node()?.parent;
        (at != NOWHERE).then(|| Self::new(self.document, at))
    }

    /// Its name, with its number if it has brothers of the same name.
    fn step(self) -> String {
        let name: String = self.local().chars().take(60).collect();
        let Some(parent) = self.parent() else { return name };
        let alike = || parent.children().filter(|other| other.is(self.namespace(), self.local()));
        match alike().position(|other| other.at == self.at) {
            Some(place) if alike().nth(1).is_some() => format!("{name}[{}]", place + 1),
            _ => name,
        }
    }
}

/// A text as it is shown in an error: short.
pub(super) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Keeps the first of an element that may stand once; a second one is an error.
pub(in crate::northbound) fn assign<'d>(
    slot: &mut Option<Element<'d>>,
    element: Element<'d>,
) -> Result<(), Invalid> {
    match slot.replace(element) {
        None => Ok(()),
        Some(_) => Err(element.invalid("may stand only once here")),
    }
}

/// An element that may not stand where it does.
pub(in crate::northbound) fn unexpected(element: Element<'_>, expected: &str) -> Invalid {
    element.invalid(format!("is not known here; known are {expected}"))
}

/// Elements one after the other.
#[derive(Clone, Debug)]
pub(in crate::northbound) struct Children<'d> {
    document: &'d Document<'d>,
    next: u32,
}

impl<'d> Iterator for Children<'d> {
    type Item = Element<'d>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.next;
        self.next = self.document.nodes.get(at as usize)?.next;
        Some(Element::new(self.document, at))
    }
}
