//! The other side of the same messages: encodes requests, decodes replies. What the command line and tests talk to a
//! gateway with. One request, one connection; no retries: who asks decides whether to ask again.

mod http;

use super::envelope::{self, Header};
use super::namespace::Namespace;
use super::operation::{Family, Operation};
use super::reply::Reply;
use super::statuses::{self, GroupStatus};
use super::wsdl::BASE;
use super::xml::write::Writer;
use super::xml::{Document, Element, Invalid, assign};
use super::{dispatches, groups, queries};
use crate::core::service::{GroupChange, NewDispatch, NewGroup, Reference};
use crate::der::{EndDeviceGroup, Mrid};
use std::time::Duration;

/// Longest wait for a whole answer, unless told otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A client of one gateway.
#[derive(Clone, Debug)]
pub struct Client {
    target: http::Target,
    timeout: Duration,
}

/// A reply as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<T> {
    /// Result and errors.
    pub reply: Reply,
    /// What the reply carried.
    pub objects: Vec<T>,
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address cannot be used.
    #[error("{url}: {reason}; http://HOST:PORT is expected")]
    BadUrl {
        /// As given.
        url: String,
        /// Why not.
        reason: String,
    },
    /// Nothing answered, or not in time, or not to the end.
    #[error("{address} did not answer: {reason}")]
    NoAnswer {
        /// Who was asked.
        address: String,
        /// What happened instead.
        reason: String,
    },
    /// The message was refused as a message.
    #[error("refused with a SOAP fault: {0}")]
    Fault(String),
    /// Something answered that does not speak these messages.
    #[error("the answer is not a 61968-5 reply: {0}")]
    NotUnderstood(String),
}

impl From<Invalid> for ClientError {
    fn from(invalid: Invalid) -> Self {
        Self::NotUnderstood(invalid.0)
    }
}

impl Client {
    /// A client of the gateway at a URL such as `http://127.0.0.1:8061`. A path in it replaces `/61968-5`.
    ///
    /// # Errors
    /// [`ClientError::BadUrl`].
    pub fn new(url: &str) -> Result<Self, ClientError> {
        let target = http::Target::parse(url, BASE)
            .map_err(|reason| ClientError::BadUrl { url: url.to_owned(), reason })?;
        Ok(Self { target, timeout: TIMEOUT })
    }

    /// The same, with another time limit for a whole answer.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Creates groups. The reply carries those to which the gateway gave an mRID.
    ///
    /// # Errors
    /// See [`ClientError`]; a refusal is in the reply.
    pub async fn create_groups(&self, new: &[NewGroup]) -> Result<Answer<EndDeviceGroup>, ClientError> {
        let text = payload(Operation::CreateGroups, |out| new.iter().for_each(|g| groups::write_new(out, g)));
        self.ask(Operation::CreateGroups, text, groups::read_told).await
    }

    /// Changes groups.
    ///
    /// # Errors
    /// See [`ClientError`]; a refusal is in the reply.
    pub async fn change_groups(&self, changes: &[GroupChange]) -> Result<Reply, ClientError> {
        let write = |out: &mut Writer| changes.iter().for_each(|change| groups::write_change(out, change));
        let text = payload(Operation::ChangeGroups, write);
        Ok(self.ask(Operation::ChangeGroups, text, groups::read_told).await?.reply)
    }

    /// Deletes groups.
    ///
    /// # Errors
    /// See [`ClientError`]; a refusal is in the reply.
    pub async fn delete_groups(&self, asked: &[Reference]) -> Result<Reply, ClientError> {
        let write = |out: &mut Writer| asked.iter().for_each(|group| groups::write_reference(out, group));
        let text = payload(Operation::DeleteGroups, write);
        Ok(self.ask(Operation::DeleteGroups, text, groups::read_told).await?.reply)
    }

    /// The groups asked about; all of them if none is named.
    ///
    /// # Errors
    /// See [`ClientError`]; a refusal is in the reply.
    pub async fn query_groups(&self, asked: &[Reference]) -> Result<Answer<EndDeviceGroup>, ClientError> {
        let text = query(Operation::QueryGroups, "DERGroupQueries", Namespace::GroupQueries, asked);
        self.ask(Operation::QueryGroups, text, groups::read_told).await
    }

    /// The status of the groups asked about; of all of them if none is named.
    ///
    /// # Errors
    /// See [`ClientError`]; a refusal is in the reply.
    pub async fn query_statuses(&self, asked: &[Reference]) -> Result<Answer<GroupStatus>, ClientError> {
        let text = query(Operation::QueryStatuses, "DERGroupStatusQueries", Namespace::StatusQueries, asked);
        self.ask(Operation::QueryStatuses, text, statuses::read_told).await
    }

    /// Dispatches groups. The reply carries the mRIDs that the gateway gave.
    ///
    /// # Errors
    /// See [`ClientError`]; a refusal is in the reply.
    pub async fn create_dispatches(&self, new: &[NewDispatch]) -> Result<Answer<Mrid>, ClientError> {
        let write = |out: &mut Writer| new.iter().for_each(|one| dispatches::write_new(out, one));
        let text = payload(Operation::CreateDispatches, write);
        self.ask(Operation::CreateDispatches, text, dispatches::read_told).await
    }

    async fn ask<T>(
        &self,
        operation: Operation,
        text: String,
        objects: impl Fn(Element<'_>) -> Result<Vec<T>, Invalid>,
    ) -> Result<Answer<T>, ClientError> {
        let action = format!("http://iec.ch/TC57/2017/{}", operation.action());
        let no_answer = |reason: String| ClientError::NoAnswer { address: self.target.address(), reason };
        let posted = self.target.post(operation.path(), &action, text);
        let body = match tokio::time::timeout(self.timeout, posted).await {
            Ok(Ok(body)) => body,
            Ok(Err(reason)) => return Err(no_answer(reason)),
            Err(_) => return Err(no_answer(format!("nothing came within {:?}", self.timeout))),
        };
        decode(&body, operation.family(), objects)
    }
}

/// Encodes a request with a Payload.
fn payload(operation: Operation, write: impl FnOnce(&mut Writer)) -> String {
    let family = operation.family();
    let header = Header { source: Some("dergate"), ..Header::new(operation.verb(), envelope::now(), None) };
    envelope::write(family, operation.root(), family.objects(), &header, |out| {
        envelope::write_payload(out, family, write);
    })
}

/// Encodes a query.
fn query(operation: Operation, noun: &str, namespace: Namespace, asked: &[Reference]) -> String {
    let header = Header { source: Some("dergate"), ..Header::new(operation.verb(), envelope::now(), None) };
    envelope::write(operation.family(), operation.root(), namespace, &header, |out| {
        queries::write(out, noun, asked);
    })
}

/// Decodes a reply, by local names as far as the envelope goes: replies of others name their roots freely.
fn decode<T>(
    body: &[u8],
    family: Family,
    objects: impl Fn(Element<'_>) -> Result<Vec<T>, Invalid>,
) -> Result<Answer<T>, ClientError> {
    let not_understood = |words: String| ClientError::NotUnderstood(words);
    let document = Document::parse(body).map_err(|error| {
        let shown: String = String::from_utf8_lossy(body).chars().take(120).collect();
        not_understood(format!("{error} ({})", shown.trim()))
    })?;
    let root = envelope::body(document.root()).map_err(|fault| not_understood(fault.words))?;
    if root.is(Namespace::Soap11, "Fault") {
        return Err(ClientError::Fault(fault_words(root)));
    }
    let (mut reply, mut carried) = (None, None);
    for child in root.only_children()? {
        match child.local() {
            "Reply" => assign(&mut reply, child)?,
            "Payload" => assign(&mut carried, child)?,
            _ => {}
        }
    }
    let reply = Reply::read(reply.ok_or_else(|| root.missing("Reply"))?)?;
    let noun =
        carried.into_iter().flat_map(Element::children).find(|c| c.is(family.objects(), family.noun()));
    Ok(Answer { reply, objects: noun.map_or_else(|| Ok(Vec::new()), objects)? })
}

fn fault_words(fault: Element<'_>) -> String {
    let string = fault.children().find(|child| child.local() == "faultstring");
    string.and_then(|string| string.text().ok()).unwrap_or("without words").to_owned()
}

#[cfg(test)]
mod tests;
