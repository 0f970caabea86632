//! From the bytes of a request to the text of its answer: reads, asks the core, words what came back.
//!
//! Knows nothing of HTTP; what is allowed and what is not is decided by the core.

use super::dispatches::{self, Asked};
use super::envelope::{self, Message};
use super::fault::{Fault, FaultCode};
use super::groups;
use super::namespace::Namespace;
use super::operation::{Family, Operation};
use super::queries;
use super::reply::{Id, Reply, ReplyError, refused};
use super::settings::{PartialResult, Settings};
use super::statuses;
use super::xml::Document;
use super::xml::write::Writer;
use crate::core::service::{
    GroupChange, GroupView, NewDispatch, NewGroup, Reference, Refusal, Service, Snapshot, Stopped,
};
use crate::der::{EndDeviceGroup, GroupDispatch};
use std::collections::HashSet;
use std::sync::Arc;

/// Answers requests.
#[derive(Clone, Debug)]
pub(super) struct Handler {
    settings: Settings,
    service: Service,
}

/// An answer: a reply, or a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// True for a SOAP Fault.
    pub(super) is_fault: bool,
    /// The SOAP message.
    pub(super) text: String,
}

/// What a request asks for, free of the bytes it came in.
#[derive(Debug)]
enum Content {
    Create(Vec<NewGroup>),
    Change(Vec<GroupChange>),
    Delete(Vec<Reference>),
    QueryGroups(Vec<Reference>),
    QueryStatuses(Vec<Reference>),
    Dispatch(Vec<Asked>),
}

/// A request read.
#[derive(Debug)]
struct Request {
    family: Family,
    correlation: Option<String>,
    content: Content,
}

/// A reply, and what it carries.
struct Outcome {
    reply: Reply,
    payload: Payload,
}

enum Payload {
    Nothing,
    Groups(Vec<EndDeviceGroup>),
    Views(Vec<Arc<GroupView>>),
    Statuses(Vec<Arc<GroupView>>),
    Dispatches(Vec<GroupDispatch>),
}

impl Handler {
    pub(super) fn new(settings: Settings, service: Service) -> Self {
        Self { settings, service }
    }

    /// Answers one body. A fault about a message whose noun cannot be told is typed as those of `at`.
    pub(super) async fn answer(&self, body: &[u8], at: Family) -> Answer {
        let request = match self.read(body, at) {
            Ok(request) => request,
            Err((family, fault)) => {
                tracing::debug!(reason = %fault.words, "request answered with a SOAP fault");
                return Answer { is_fault: true, text: fault.write(family) };
            }
        };
        let Request { family, correlation, content } = request;
        let outcome = self.perform(content).await;
        Answer { is_fault: false, text: self.write(family, correlation.as_deref(), outcome) }
    }

    /// A fault of our own making, such as a panic.
    pub(super) fn broken(at: Family) -> Answer {
        let words = "an internal error of the gateway; whether the request was done is not known".to_owned();
        let fault = Fault { code: FaultCode::Server, error: "5.2", words };
        Answer { is_fault: true, text: fault.write(at) }
    }

    fn read(&self, body: &[u8], at: Family) -> Result<Request, (Family, Fault)> {
        let document = Document::parse(body).map_err(|error| (at, error.into()))?;
        let root = envelope::body(document.root()).map_err(|fault| (at, fault))?;
        let by_root = Operation::ALL.into_iter().find(|operation| operation.root() == root.local());
        let family = by_root.map_or(at, Operation::family);
        let read = || {
            let message = Message::open(root)?;
            let content = self.read_content(&message)?;
            Ok(Request { family, correlation: message.correlation.map(str::to_owned), content })
        };
        read().map_err(|fault| (family, fault))
    }

    fn read_content(&self, message: &Message<'_>) -> Result<Content, Fault> {
        let offset = self.settings.naive_time_offset_s;
        Ok(match message.operation {
            Operation::CreateGroups => Content::Create(groups::read_new(message.payload()?, offset)?),
            Operation::ChangeGroups => Content::Change(groups::read_changes(message.payload()?, offset)?),
            Operation::DeleteGroups => Content::Delete(groups::read_references(message.payload()?, offset)?),
            Operation::QueryGroups => {
                let query = message.query(Namespace::GroupQueries, "DERGroupQueries")?;
                Content::QueryGroups(queries::read(query, Namespace::GroupQueries)?)
            }
            Operation::QueryStatuses => {
                let query = message.query(Namespace::StatusQueries, "DERGroupStatusQueries")?;
                Content::QueryStatuses(queries::read(query, Namespace::StatusQueries)?)
            }
            Operation::CreateDispatches => {
                Content::Dispatch(dispatches::read(message.payload()?, &self.settings)?)
            }
        })
    }

    async fn perform(&self, content: Content) -> Outcome {
        let done = match content {
            Content::Create(groups) => self.create(groups).await,
            Content::Change(changes) => self.change(changes).await,
            Content::Delete(groups) => self.delete(groups).await,
            Content::QueryGroups(asked) => Ok(self.query(&asked, Payload::Views)),
            Content::QueryStatuses(asked) => Ok(self.query(&asked, Payload::Statuses)),
            Content::Dispatch(asked) => self.dispatch(asked).await,
        };
        done.unwrap_or_else(|error| Outcome { reply: Reply::failed(vec![error]), payload: Payload::Nothing })
    }

    async fn create(&self, groups: Vec<NewGroup>) -> Result<Outcome, ReplyError> {
        let asked: Vec<_> = groups
            .iter()
            .map(|group| {
                let named = Reference { mrid: group.mrid.clone(), names: group.names.clone() };
                (Id::of(&named, "DERGroup"), group.mrid.is_none())
            })
            .collect();
        let results = self.bounded(self.service.create_groups(groups)).await?;
        let (mut assigned, mut errors, mut good) = (Vec::new(), Vec::new(), 0_usize);
        for ((id, nameless), result) in asked.into_iter().zip(all(results)) {
            match result {
                Ok(group) => {
                    good += 1;
                    assigned.extend(nameless.then_some(group));
                }
                Err(refusal) => errors.push(refused(&refusal, id, "1.7")),
            }
        }
        Ok(self.outcome(good, errors, Payload::Groups(assigned)))
    }

    async fn change(&self, changes: Vec<GroupChange>) -> Result<Outcome, ReplyError> {
        let asked: Vec<_> = changes.iter().map(|change| Id::of(&change.group, "DERGroup")).collect();
        let results = self.bounded(self.service.change_groups(changes)).await?;
        Ok(self.plain_outcome(asked, results))
    }

    async fn delete(&self, groups: Vec<Reference>) -> Result<Outcome, ReplyError> {
        let asked: Vec<_> = groups.iter().map(|group| Id::of(group, "DERGroup")).collect();
        let results = self.bounded(self.service.delete_groups(groups)).await?;
        Ok(self.plain_outcome(asked, results))
    }

    /// The outcome of a request whose reply carries nothing.
    fn plain_outcome<T>(&self, asked: Vec<Option<Id>>, results: Vec<Result<T, Refusal>>) -> Outcome {
        let (mut errors, mut good) = (Vec::new(), 0);
        for (id, result) in asked.into_iter().zip(all(results)) {
            match result {
                Ok(_) => good += 1,
                Err(refusal) => errors.push(refused(&refusal, id, "1.7")),
            }
        }
        self.outcome(good, errors, Payload::Nothing)
    }

    /// Groups asked about, each once, in the order asked; an empty reference means all of them.
    fn query(&self, asked: &[Reference], payload: fn(Vec<Arc<GroupView>>) -> Payload) -> Outcome {
        let snapshot = self.service.snapshot();
        let mut found: Vec<Arc<GroupView>> = Vec::new();
        let mut errors = Vec::new();
        if asked.iter().any(Reference::is_empty) {
            found.clone_from(&snapshot.groups);
        }
        let everything = !found.is_empty();
        let mut seen = HashSet::new();
        for reference in asked.iter().filter(|reference| !reference.is_empty()) {
            match snapshot.find_group(reference) {
                Ok(_) if everything => {}
                Ok(view) if !seen.insert(view.group.mrid.clone()) => {}
                Ok(view) => found.push(view.clone()),
                Err(refusal) => errors.push(refused(&refusal, Id::of(reference, "DERGroup"), "1.6")),
            }
        }
        let reply = self.reply(!found.is_empty(), errors);
        Outcome { reply, payload: payload(found) }
    }

    async fn dispatch(&self, asked: Vec<Asked>) -> Result<Outcome, ReplyError> {
        let snapshot = self.service.snapshot();
        let mut waiting = Vec::new();
        let mut ids = Vec::new();
        let mut verdicts = Vec::new();
        for one in asked {
            let group = group_of(&one, &snapshot);
            let id = Id::of(&group, "DERGroup");
            let own = one.mrid.as_ref().map(|mrid| Id::uuid(mrid, "DERGroupDispatch"));
            match one.content {
                Ok(content) => {
                    // Swapped names (61968-5 reference 7.8): what named the group is not the dispatch's own.
                    let swapped = group.mrid.is_none() && group.names != one.group.names;
                    let names = if swapped { one.group.names } else { one.names };
                    waiting.push(NewDispatch {
                        mrid: one.mrid,
                        names,
                        group,
                        parameter: content.parameter,
                        schedules: content.schedules,
                    });
                    verdicts.push(None);
                }
                Err(nonsense) => {
                    let error = ReplyError::because(nonsense.code, nonsense.words);
                    verdicts.push(Some(ReplyError { id: id.clone(), related: own.clone(), ..error }));
                }
            }
            ids.push((id, own));
        }
        let assigned: Vec<bool> = waiting.iter().map(|dispatch| dispatch.mrid.is_none()).collect();
        let results = match waiting.is_empty() {
            true => Vec::new(),
            false => self.bounded(self.service.create_dispatches(waiting)).await?,
        };
        Ok(self.dispatched(ids, verdicts, assigned, results))
    }

    fn dispatched(
        &self,
        ids: Vec<(Option<Id>, Option<Id>)>,
        verdicts: Vec<Option<ReplyError>>,
        assigned: Vec<bool>,
        results: Vec<Result<GroupDispatch, Refusal>>,
    ) -> Outcome {
        let mut results = assigned.into_iter().zip(all(results));
        let (mut told, mut errors, mut good) = (Vec::new(), Vec::new(), 0);
        for ((id, own), verdict) in ids.into_iter().zip(verdicts) {
            if let Some(error) = verdict {
                errors.push(error);
                continue;
            }
            match results.next() {
                Some((nameless, Ok(dispatch))) => {
                    good += 1;
                    told.extend(nameless.then_some(dispatch));
                }
                Some((_, Err(refusal))) => {
                    let mut error = refused(&refusal, id, "1.7");
                    error.related = error.related.or(own);
                    errors.push(error);
                }
                None => {}
            }
        }
        self.outcome(good, errors, Payload::Dispatches(told))
    }

    /// Waits for the core, but not for ever.
    async fn bounded<T>(
        &self,
        asked: impl Future<Output = Result<Vec<Result<T, Refusal>>, Stopped>>,
    ) -> Result<Vec<Result<T, Refusal>>, ReplyError> {
        match tokio::time::timeout(self.settings.request_timeout, asked).await {
            Ok(Ok(results)) => Ok(results),
            Ok(Err(stopped)) => Err(ReplyError::because("5.1", stopped)),
            Err(_) => {
                tracing::error!("the core did not answer a request in time");
                let words =
                    "not decided in time; whether it will be done is not known: query before asking again";
                Err(ReplyError::because("4.1", words))
            }
        }
    }

    /// A change's outcome: unless everything is good, or partial results are wanted, it carries nothing.
    fn outcome(&self, good: usize, errors: Vec<ReplyError>, payload: Payload) -> Outcome {
        let conforming = errors.is_empty() || self.settings.partial_result == PartialResult::Partial;
        Outcome {
            reply: self.reply(good > 0, errors),
            payload: if conforming { payload } else { Payload::Nothing },
        }
    }

    fn reply(&self, some_good: bool, errors: Vec<ReplyError>) -> Reply {
        match (errors.is_empty(), self.settings.partial_result) {
            (true, _) => Reply::ok(),
            (false, PartialResult::Partial) if some_good => Reply::partial(errors),
            (false, _) => Reply::failed(errors),
        }
    }

    fn write(&self, family: Family, correlation: Option<&str>, outcome: Outcome) -> String {
        let now = envelope::now();
        let absent = self.settings.absent_flow_direction;
        let payload = outcome.payload.is_some().then_some(|out: &mut Writer| match &outcome.payload {
            Payload::Nothing => {}
            Payload::Groups(groups) => groups.iter().for_each(|group| groups::write(out, group)),
            Payload::Views(views) => views.iter().for_each(|view| groups::write(out, &view.group)),
            Payload::Statuses(views) => {
                views.iter().for_each(|view| statuses::write(out, view, absent, now));
            }
            Payload::Dispatches(all) => all.iter().for_each(|one| dispatches::write(out, one, absent)),
        });
        envelope::write_reply(family, now, correlation, &outcome.reply, payload)
    }
}

impl Payload {
    /// False if there is nothing in it: a noun without objects is not valid.
    fn is_some(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Groups(groups) => !groups.is_empty(),
            Self::Views(views) | Self::Statuses(views) => !views.is_empty(),
            Self::Dispatches(dispatches) => !dispatches.is_empty(),
        }
    }
}

/// One result per object asked, also if the core were to give fewer.
fn all<T>(results: Vec<Result<T, Refusal>>) -> impl Iterator<Item = Result<T, Refusal>> {
    let none = || Err(Refusal::NotStored("the gateway gave no result for it".to_owned()));
    results.into_iter().chain(std::iter::repeat_with(none))
}

/// The group that a dispatch means: by its mRID, else its names, else the dispatch's own names (61968-5 reference 7.8). If
/// none is known, the first of these that is given.
fn group_of(asked: &Asked, snapshot: &Snapshot) -> Reference {
    let inside = &asked.group;
    if inside.mrid.is_some() || asked.names.is_empty() {
        return inside.clone();
    }
    let outside = Reference { mrid: None, names: asked.names.clone() };
    let unknown = |reference| matches!(snapshot.find_group(reference), Err(Refusal::UnknownGroup));
    if inside.is_empty() || (unknown(inside) && !unknown(&outside)) { outside } else { inside.clone() }
}

#[cfg(test)]
mod tests;
