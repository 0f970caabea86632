//! The Reply of IEC 61968-100: Result, Errors with their codes, and how a refusal of the core becomes one.
//!
//! Codes as in the 61968-5 reference 4.3. What is refused, and why, is decided by the core; this file only words it.

use super::namespace::Namespace;
use super::xml::write::Writer;
use super::xml::{Element, Invalid};
use crate::core::service::{Reference, Refusal};
use crate::der::Mrid;

/// Reply/Result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyResult {
    /// Everything asked was accepted and stored.
    Ok,
    /// A part was.
    Partial,
    /// Nothing was, or (61968-5 reference 7.9) not everything.
    Failed,
}

impl ReplyResult {
    const ALL: [Self; 3] = [Self::Ok, Self::Partial, Self::Failed];

    /// The literal of the standard.
    #[must_use]
    pub const fn literal(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Partial => "PARTIAL",
            Self::Failed => "FAILED",
        }
    }
}

/// What an Error is about, as the request named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Id {
    /// The mRID or the name.
    pub text: String,
    /// `uuid`, `name`, `transaction` or `other`.
    pub kind: Option<String>,
    /// `DERGroup`, `EndDevice` or `DERGroupDispatch`.
    pub object_type: Option<String>,
}

impl Id {
    pub(super) fn uuid(mrid: &Mrid, object_type: &str) -> Self {
        Self {
            text: mrid.as_str().to_owned(),
            kind: Some("uuid".into()),
            object_type: Some(object_type.into()),
        }
    }

    pub(super) fn name(name: &str, object_type: &str) -> Self {
        Self { text: name.to_owned(), kind: Some("name".into()), object_type: Some(object_type.into()) }
    }

    /// An object as a request names it: its mRID if given, else its first name.
    pub(super) fn of(asked: &Reference, object_type: &str) -> Option<Self> {
        match &asked.mrid {
            Some(mrid) => Some(Self::uuid(mrid, object_type)),
            None => asked.names.first().map(|name| Self::name(&name.name, object_type)),
        }
    }

    fn write(&self, out: &mut Writer, name: &str) {
        // Kinds and types are our own literals on the way out: nothing to escape.
        let mut tag = name.to_owned();
        for (attribute, value) in [("kind", &self.kind), ("objectType", &self.object_type)] {
            if let Some(value) = value {
                tag.push_str(&format!(" {attribute}=\"{value}\""));
            }
        }
        out.open(&tag);
        out.text(&self.text);
        out.close(name);
    }

    fn read(element: Element<'_>) -> Result<Self, Invalid> {
        let attribute = |name| element.attribute(Namespace::None, name).map(str::to_owned);
        Ok(Self {
            text: element.text()?.to_owned(),
            kind: attribute("kind"),
            object_type: attribute("objectType"),
        })
    }
}

/// One Error of a Reply. Success carries one too, with code 0.0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplyError {
    /// The 61968-9 code.
    pub code: String,
    /// How bad; absent on success.
    pub level: Option<String>,
    /// A business rule in words.
    pub reason: Option<String>,
    /// What else there is to say.
    pub details: Option<String>,
    /// The object refused.
    pub id: Option<Id>,
    /// Another object that has to do with it.
    pub related: Option<Id>,
}

impl ReplyError {
    pub(super) fn new(code: &str) -> Self {
        Self { code: code.to_owned(), level: Some("FATAL".to_owned()), ..Self::default() }
    }

    /// A refusal with its reason.
    pub(super) fn because(code: &str, reason: impl ToString) -> Self {
        Self { reason: Some(reason.to_string()), ..Self::new(code) }
    }

    /// True if the code says that nothing is wrong.
    #[must_use]
    pub fn is_acknowledgement(&self) -> bool {
        self.code.starts_with("0.")
    }

    /// The words in it, or the code if there are none.
    #[must_use]
    pub fn words(&self) -> &str {
        self.reason.as_deref().or(self.details.as_deref()).unwrap_or(&self.code)
    }

    fn write(&self, out: &mut Writer) {
        out.open("m:Error");
        out.leaf("m:code", &self.code);
        out.some_leaf("m:level", self.level.as_deref());
        out.some_leaf("m:reason", self.reason.as_deref());
        out.some_leaf("m:details", self.details.as_deref());
        for (name, id) in [("m:ID", &self.id), ("m:relatedID", &self.related)] {
            if let Some(id) = id {
                id.write(out, name);
            }
        }
        out.close("m:Error");
    }

    fn read(element: Element<'_>) -> Result<Self, Invalid> {
        let mut error = Self::default();
        for child in element.only_children()? {
            let text = || child.text().map(|text| Some(text.to_owned()));
            match child.local() {
                "code" => error.code = child.text()?.to_owned(),
                "level" => error.level = text()?,
                "reason" => error.reason = text()?,
                "details" => error.details = text()?,
                "ID" => error.id = Some(Id::read(child)?),
                "relatedID" => error.related = Some(Id::read(child)?),
                _ => {}
            }
        }
        Ok(error)
    }
}

/// The Reply part of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// OK, PARTIAL or FAILED.
    pub result: ReplyResult,
    /// One per refused object; with OK, one with code 0.0.
    pub errors: Vec<ReplyError>,
}

impl Reply {
    pub(super) fn ok() -> Self {
        let done = ReplyError { code: "0.0".to_owned(), ..ReplyError::default() };
        Self { result: ReplyResult::Ok, errors: vec![done] }
    }

    pub(super) fn failed(errors: Vec<ReplyError>) -> Self {
        Self { result: ReplyResult::Failed, errors }
    }

    /// A part was done; code 0.2 says that nothing more follows.
    pub(super) fn partial(errors: Vec<ReplyError>) -> Self {
        let mut all = vec![ReplyError { code: "0.2".to_owned(), ..ReplyError::default() }];
        all.extend(errors);
        Self { result: ReplyResult::Partial, errors: all }
    }

    /// Writes `t:Reply`.
    pub(super) fn write(&self, out: &mut Writer) {
        out.open("t:Reply");
        out.value("m:Result", self.result.literal());
        for error in &self.errors {
            error.write(out);
        }
        out.close("t:Reply");
    }

    /// Reads a Reply by local names, whatever the root around it.
    pub(super) fn read(element: Element<'_>) -> Result<Self, Invalid> {
        let mut result = None;
        let mut errors = Vec::new();
        for child in element.only_children()? {
            match child.local() {
                "Result" => {
                    let read = |text: &str| {
                        ReplyResult::ALL.into_iter().find(|r| r.literal().eq_ignore_ascii_case(text))
                    };
                    result = Some(child.literal(read, "OK, PARTIAL, FAILED")?);
                }
                "Error" => errors.push(ReplyError::read(child)?),
                _ => {}
            }
        }
        Ok(Self { result: result.ok_or_else(|| element.missing("Result"))?, errors })
    }
}

/// Words a refusal of the core. `object` is the refused object as the request named it, of the given type; `absent` is the
/// code for an object without identity (1.7 in a Payload, 1.6 in a Request).
pub(super) fn refused(refusal: &Refusal, object: Option<Id>, absent: &str) -> ReplyError {
    let code = match refusal {
        Refusal::UnknownGroup => "99.1",
        Refusal::NoIdentity => absent,
        Refusal::TooMany { .. } => "3.1",
        Refusal::NotStored(_) => "5.3",
        _ => "6.1",
    };
    let mut error = ReplyError { id: object, ..ReplyError::because(code, refusal) };
    match refusal {
        // The library gives these words in details, and clients look there.
        Refusal::UnknownGroup => error.details = error.reason.take(),
        Refusal::DuplicateMrid { what: "dispatch", mrid } => {
            error.related = error.id.replace(Id::uuid(mrid, "DERGroupDispatch"));
        }
        Refusal::DuplicateMrid { mrid, .. } => error.id = Some(Id::uuid(mrid, "DERGroup")),
        Refusal::DuplicateName { name } => error.id = Some(Id::name(name, "DERGroup")),
        Refusal::IdentityMismatch { other } => error.related = Some(Id::uuid(other, "DERGroup")),
        Refusal::UnknownMember { device } => error.related = Id::of(device, "EndDevice"),
        _ => {}
    }
    error
}
