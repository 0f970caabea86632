//! SOAP 1.1 faults: what a message that could not be read, or not be served at all, is answered with.
//!
//! Not for business refusals: those are ordinary replies (see `reply.rs`).

use super::namespace::Namespace;
use super::operation::Family;
use super::reply::{Reply, ReplyError};
use super::xml::write::Writer;
use super::xml::{Invalid, XmlError};

/// Whose fault it is, as SOAP 1.1 puts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultCode {
    Client,
    Server,
    VersionMismatch,
    MustUnderstand,
}

impl FaultCode {
    const fn literal(self) -> &'static str {
        match self {
            Self::Client => "soap:Client",
            Self::Server => "soap:Server",
            Self::VersionMismatch => "soap:VersionMismatch",
            Self::MustUnderstand => "soap:MustUnderstand",
        }
    }
}

/// A fault on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: FaultCode,
    /// The 61968-9 code in the typed detail.
    pub(super) error: &'static str,
    /// Where, what, and what would be right.
    pub(super) words: String,
}

impl Fault {
    pub(super) fn client(error: &'static str, words: impl Into<String>) -> Self {
        Self { code: FaultCode::Client, error, words: words.into() }
    }

    /// The SOAP message, its detail typed for the given family.
    pub(super) fn write(&self, family: Family) -> String {
        let mut out = Writer::document();
        out.open("soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"");
        out.open("soap:Body");
        out.open("soap:Fault");
        out.value("faultcode", self.code.literal());
        out.leaf("faultstring", &self.words);
        // SOAP 1.1 section 4.4: detail speaks of the Body only, so a fault about version or headers has none.
        if matches!(self.code, FaultCode::Client | FaultCode::Server) {
            out.open("detail");
            self.detail(&mut out, family);
            out.close("detail");
        }
        out.close("soap:Fault");
        out.close("soap:Body");
        out.close("soap:Envelope");
        out.finish()
    }

    fn detail(&self, out: &mut Writer, family: Family) {
        let root = format!("t:{}", family.fault());
        out.open(&format!(
            "{root} xmlns:t=\"{}\" xmlns:m=\"{}\"",
            family.namespace().uri(),
            Namespace::Message.uri()
        ));
        let error = ReplyError { details: Some(self.words.clone()), ..ReplyError::new(self.error) };
        Reply::failed(vec![error]).write(out);
        out.close(&root);
    }
}

impl From<XmlError> for Fault {
    fn from(error: XmlError) -> Self {
        Self::client("1.8", error.to_string())
    }
}

impl From<Invalid> for Fault {
    fn from(error: Invalid) -> Self {
        Self::client("1.8", error.0)
    }
}
