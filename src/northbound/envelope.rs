//! The SOAP 1.1 envelope and the message inside it: finds the operation, checks the Header, hands out Request and Payload;
//! and writes the envelopes of replies and requests. Knows nothing of nouns beyond their root names.

use super::fault::{Fault, FaultCode};
use super::namespace::Namespace;
use super::operation::{Family, Operation, known_but_not_offered, offered};
use super::reply::Reply;
use super::xml::write::Writer;
use super::xml::{Element, Invalid, assign, unexpected};
use jiff::Timestamp;

/// The verbs of IEC 61968-100.
const VERBS: [&str; 14] = [
    "cancel", "canceled", "change", "changed", "create", "created", "close", "closed", "delete", "deleted",
    "get", "reply", "execute", "executed",
];

/// A request whose envelope and header are good.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'d> {
    pub(super) operation: Operation,
    /// What the reply's CorrelationID says: the request's own, else its MessageID.
    pub(super) correlation: Option<&'d str>,
    root: Element<'d>,
    request: Option<Element<'d>>,
    payload: Option<Element<'d>>,
}

/// The message in the Body of a SOAP 1.1 envelope.
pub(super) fn body(envelope: Element<'_>) -> Result<Element<'_>, Fault> {
    if envelope.local() == "Envelope" && envelope.namespace() != Namespace::Soap11 {
        let words = match envelope.namespace() {
            Namespace::Soap12 => "a SOAP 1.2 envelope; this service speaks SOAP 1.1".to_owned(),
            _ => format!("an envelope of an unknown version; {} is right here", Namespace::Soap11.uri()),
        };
        return Err(Fault { code: FaultCode::VersionMismatch, error: "1.8", words });
    }
    if !envelope.is(Namespace::Soap11, "Envelope") {
        let words = format!("the root element is {}; a SOAP 1.1 Envelope is expected", envelope.local());
        return Err(Fault::client("1.8", words));
    }
    let (mut header, mut body) = (None, None);
    for child in envelope.only_children()? {
        match (child.namespace(), child.local()) {
            (Namespace::Soap11, "Header") => assign(&mut header, child)?,
            (Namespace::Soap11, "Body") => assign(&mut body, child)?,
            _ => return Err(unexpected(child, "Header and Body of SOAP 1.1").into()),
        }
    }
    for block in header.into_iter().flat_map(Element::children) {
        if block.attribute(Namespace::Soap11, "mustUnderstand") == Some("1") {
            let words = format!("the SOAP header block {} is not understood here", block.local());
            return Err(Fault { code: FaultCode::MustUnderstand, error: "1.8", words });
        }
    }
    let body = body.ok_or_else(|| envelope.missing("Body"))?;
    let mut messages = body.only_children()?;
    match (messages.next(), messages.next()) {
        (Some(message), None) => Ok(message),
        (None, _) => Err(Fault::client("1.8", format!("the SOAP Body is empty; known are {}", offered()))),
        (Some(_), Some(_)) => Err(Fault::client("1.8", "the SOAP Body holds more than one message")),
    }
}

impl<'d> Message<'d> {
    /// Opens the message of a request.
    pub(super) fn open(root: Element<'d>) -> Result<Self, Fault> {
        let operation = operation(root)?;
        let own = operation.family().namespace();
        let (mut header, mut request, mut payload) = (None, None, None);
        for child in root.only_children()? {
            match child.name_in(own)? {
                "Header" => assign(&mut header, child)?,
                "Request" => assign(&mut request, child)?,
                "Payload" => assign(&mut payload, child)?,
                _ => return Err(unexpected(child, "Header, Request and Payload").into()),
            }
        }
        let header = header.ok_or_else(|| Fault::client("1.5", "Header is missing"))?;
        let correlation = read_header(header, operation)?;
        Ok(Self { operation, correlation, root, request, payload })
    }

    /// Its one object in the Payload.
    pub(super) fn payload(&self) -> Result<Element<'d>, Fault> {
        let payload = self.payload.ok_or_else(|| Fault::client("1.7", "Payload is missing"))?;
        let family = self.operation.family();
        object(payload, self.root.namespace(), family.objects(), family.noun())
    }

    /// Its one query in the Request.
    pub(super) fn query(&self, namespace: Namespace, name: &str) -> Result<Element<'d>, Fault> {
        let request = self.request.ok_or_else(|| Fault::client("1.6", "Request is missing"))?;
        let own = self.root.namespace();
        let mut query = None;
        for child in request.only_children()? {
            match child.local() {
                local if local == name => {
                    child.name_in(namespace)?;
                    assign(&mut query, child)?;
                }
                "StartTime" | "EndTime" if child.namespace() == own => {
                    child.date_time(0)?;
                }
                "Option" | "ID" if child.namespace() == own => {}
                _ if child.namespace() == own => {
                    return Err(
                        unexpected(child, &format!("StartTime, EndTime, Option, ID and {name}")).into()
                    );
                }
                // Extensions of other namespaces are none of our business.
                _ => {}
            }
        }
        Ok(query.ok_or_else(|| request.missing(name))?)
    }
}

/// The one object of a Payload.
pub(super) fn object<'d>(
    payload: Element<'d>,
    own: Namespace,
    namespace: Namespace,
    name: &str,
) -> Result<Element<'d>, Fault> {
    let mut found = None;
    for child in payload.only_children()? {
        match child.local() {
            local if local == name => {
                child.name_in(namespace)?;
                assign(&mut found, child)?;
            }
            "Format" if child.namespace() == own => {}
            "Compressed" | "OperationSet" if child.namespace() == own => {
                return Err(child.invalid("is not supported by this version").into());
            }
            _ => return Err(unexpected(child, &format!("{name} of {}", namespace.uri())).into()),
        }
    }
    Ok(found.ok_or_else(|| payload.missing(name))?)
}

/// The operation of a root.
fn operation(root: Element<'_>) -> Result<Operation, Fault> {
    let (local, uri) = (root.local(), root.namespace_uri());
    let by_name = Operation::ALL.into_iter().find(|operation| operation.root() == local);
    match by_name {
        Some(operation) if root.namespace() == operation.family().namespace() => Ok(operation),
        Some(operation) => {
            let right = operation.family().namespace().uri();
            let words = if uri.contains("epri.com/") || uri.contains("/TC57/2016/") {
                format!("{local}: the namespace {uri} belongs to an older draft; {right} is right here")
            } else {
                root.name_in(operation.family().namespace()).err().map_or_else(String::new, |e| e.0)
            };
            Err(Fault::client("1.8", words))
        }
        None if known_but_not_offered(local) => {
            let words = format!("{local} is not supported by this version; supported are {}", offered());
            Err(Fault::client("2.5", words))
        }
        None => {
            let shown: String = local.chars().take(60).collect();
            Err(Fault::client("2.5", format!("the root {shown} is not known; known are {}", offered())))
        }
    }
}

/// Checks a request's Header; gives what the reply is correlated by.
fn read_header<'d>(header: Element<'d>, operation: Operation) -> Result<Option<&'d str>, Invalid> {
    let (mut verb, mut noun, mut message, mut correlation) = (None, None, None, None);
    for child in header.only_children()? {
        let known = is_header_name(child.local());
        if child.namespace() != Namespace::Message {
            if known {
                child.name_in(Namespace::Message)?;
            }
            continue;
        }
        match child.local() {
            "Verb" => assign(&mut verb, child)?,
            "Noun" => assign(&mut noun, child)?,
            "MessageID" => assign(&mut message, child)?,
            "CorrelationID" => assign(&mut correlation, child)?,
            "Timestamp" => {
                child.date_time(0)?;
            }
            "AsyncReplyFlag" | "AckRequired" => {
                child.boolean()?;
            }
            _ if known => {}
            _ => return Err(unexpected(child, "the elements of HeaderType")),
        }
    }
    let verb = verb.ok_or_else(|| header.missing("Verb"))?;
    let noun = noun.ok_or_else(|| header.missing("Noun"))?;
    let permitted = |text: &str| VERBS.into_iter().find(|known| known.eq_ignore_ascii_case(text));
    let verb = verb.literal(permitted, "the permitted verbs")?;
    let noun = noun.text()?;
    if verb != operation.verb() || noun != operation.family().noun() {
        tracing::debug!(root = operation.root(), verb, noun, "header disagrees with the root, which decides");
    }
    let id = |element: Option<Element<'d>>| -> Result<Option<&'d str>, Invalid> {
        Ok(element.map(Element::text).transpose()?.filter(|text| !text.is_empty()))
    };
    let (message, correlation) = (id(message)?, id(correlation)?);
    Ok(correlation.or(message))
}

fn is_header_name(local: &str) -> bool {
    const NAMES: [&str; 15] = [
        "Verb",
        "Noun",
        "Revision",
        "ReplayDetection",
        "Context",
        "Timestamp",
        "Source",
        "AsyncReplyFlag",
        "ReplyAddress",
        "AckRequired",
        "User",
        "MessageID",
        "CorrelationID",
        "Comment",
        "Property",
    ];
    NAMES.contains(&local)
}

/// The time, to the millisecond: some clients stumble over more digits.
pub(super) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// Writes an envelope around a message: its root in the family's namespace (prefix `t`), the message namespace as `m`, one
/// more namespace for objects as `o`.
pub(super) fn write(
    family: Family,
    root: &str,
    objects: Namespace,
    header: &Header<'_>,
    content: impl FnOnce(&mut Writer),
) -> String {
    let mut out = Writer::document();
    out.open("soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"");
    out.open("soap:Body");
    out.open(&format!(
        "t:{root} xmlns:t=\"{}\" xmlns:m=\"{}\" xmlns:o=\"{}\"",
        family.namespace().uri(),
        Namespace::Message.uri(),
        objects.uri()
    ));
    out.open("t:Header");
    out.value("m:Verb", header.verb);
    out.value("m:Noun", family.noun());
    out.value("m:Timestamp", header.timestamp);
    out.some_leaf("m:Source", header.source);
    out.value("m:MessageID", header.message_id);
    out.some_leaf("m:CorrelationID", header.correlation);
    out.close("t:Header");
    content(&mut out);
    out.close(&format!("t:{root}"));
    out.close("soap:Body");
    out.close("soap:Envelope");
    out.finish()
}

/// What varies in a header that we write.
#[derive(Debug)]
pub(super) struct Header<'a> {
    pub(super) verb: &'static str,
    pub(super) timestamp: Timestamp,
    pub(super) message_id: uuid::Uuid,
    pub(super) correlation: Option<&'a str>,
    pub(super) source: Option<&'a str>,
}

impl<'a> Header<'a> {
    /// A new header with a new MessageID.
    pub(super) fn new(verb: &'static str, now: Timestamp, correlation: Option<&'a str>) -> Self {
        Self { verb, timestamp: now, message_id: uuid::Uuid::new_v4(), correlation, source: None }
    }
}

/// Writes a whole reply. The payload, if there is one, is the family's noun with whatever the function writes in it.
pub(super) fn write_reply(
    family: Family,
    now: Timestamp,
    correlation: Option<&str>,
    reply: &Reply,
    payload: Option<impl FnOnce(&mut Writer)>,
) -> String {
    let header = Header::new("reply", now, correlation);
    write(family, family.response(), family.objects(), &header, |out| {
        reply.write(out);
        if let Some(payload) = payload {
            write_payload(out, family, payload);
        }
    })
}

/// Writes `t:Payload` with the family's noun in it.
pub(super) fn write_payload(out: &mut Writer, family: Family, objects: impl FnOnce(&mut Writer)) {
    let noun = format!("o:{}", family.noun());
    out.open("t:Payload");
    out.open(&noun);
    objects(out);
    out.close(&noun);
    out.close("t:Payload");
}
