//! The northbound's side of the core: what it can be asked to change, and what can be seen without asking it.
//!
//! Changes go through [`Service`] to the core task and come back when they are durable. Queries read the latest
//! [`Snapshot`] and never wait for the core.

mod snapshot;

pub(in crate::core) use snapshot::find;
pub use snapshot::{
    Ask, Counters, DeviceView, DispatchView, EffectView, EventView, GroupView, Lateness, ParameterView,
    ReadingView, ShareView, Snapshot,
};

use crate::der::{
    DerFunction, DerFunctions, DispatchSchedule, EndDeviceGroup, GroupDispatch, Mrid, Name, Parameter,
    Version,
};
use arc_swap::ArcSwap;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// An object as a request names it: by mRID, by names, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reference {
    /// The mRID, if given.
    pub mrid: Option<Mrid>,
    /// Alternative names; any of them means the object.
    pub names: Vec<Name>,
}

impl Reference {
    /// By mRID only.
    #[must_use]
    pub fn by_mrid(mrid: Mrid) -> Self {
        Self { mrid: Some(mrid), names: Vec::new() }
    }

    /// By one name only.
    #[must_use]
    pub fn by_name(name: impl Into<String>) -> Self {
        Self { mrid: None, names: vec![Name::plain(name)] }
    }

    /// True if it names nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mrid.is_none() && self.names.is_empty()
    }
}

/// A group to be created.
#[derive(Clone, Debug, PartialEq)]
pub struct NewGroup {
    /// Its identity; the core assigns a UUID if there is none.
    pub mrid: Option<Mrid>,
    /// Free text.
    pub description: Option<String>,
    /// What it may be used for.
    pub functions: DerFunctions,
    /// Devices of this gateway.
    pub members: Vec<Reference>,
    /// Alternative names; each must be free.
    pub names: Vec<Name>,
    /// Stored as given.
    pub version: Option<Version>,
}

/// A change of a group: only what is given changes. Members are added (61968-5 reference 7.3).
#[derive(Clone, Debug, PartialEq)]
pub struct GroupChange {
    /// Which group. With an mRID and names, the names are the group's new names.
    pub group: Reference,
    /// Replaces the description.
    pub description: Option<String>,
    /// Replaces all nine flags.
    pub functions: Option<DerFunctions>,
    /// Added to the members; one that is already there changes nothing.
    pub add_members: Vec<Reference>,
    /// Stored as given.
    pub version: Option<Version>,
}

/// A dispatch to be accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct NewDispatch {
    /// Its identity; the core assigns a UUID if there is none.
    pub mrid: Option<Mrid>,
    /// Alternative names.
    pub names: Vec<Name>,
    /// Which group.
    pub group: Reference,
    /// What is asked for.
    pub parameter: Parameter,
    /// One or more, values in the SI unit of the parameter, positive = injected.
    pub schedules: Vec<DispatchSchedule>,
}

/// Why a request for one object was refused. Nothing of that object's request was done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The mRID is taken.
    #[error("{what} mRID already in use")]
    DuplicateMrid {
        /// `group` or `dispatch`.
        what: &'static str,
        /// The mRID.
        mrid: Mrid,
    },
    /// The name is taken by another group.
    #[error("group name already in use")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// No such group.
    #[error("no such DER group")]
    UnknownGroup,
    /// The name means more than one group.
    #[error("{count} groups answer to this name; give the mRID")]
    AmbiguousName {
        /// How many.
        count: usize,
    },
    /// mRID and names name different groups.
    #[error("the mRID names one group and the name another ({other})")]
    IdentityMismatch {
        /// The group that the name means.
        other: Mrid,
    },
    /// Neither mRID nor name.
    #[error("neither mRID nor Names given")]
    NoIdentity,
    /// A member is not a device of this gateway.
    #[error("no such device in this gateway")]
    UnknownMember {
        /// The device as the request names it.
        device: Reference,
    },
    /// The group's DERFunction does not allow it.
    #[error("the group's DERFunction does not allow {}: needs {}", parameter.literal(), needs.iter().map(|f| f.name()).collect::<Vec<_>>().join(" or "))]
    FunctionNotEnabled {
        /// What was asked for.
        parameter: Parameter,
        /// Any of these would allow it.
        needs: Vec<DerFunction>,
    },
    /// This gateway cannot dispatch the parameter.
    #[error("this gateway does not dispatch {}", parameter.literal())]
    UnsupportedParameter {
        /// What was asked for.
        parameter: Parameter,
    },
    /// The whole schedule lies in the past.
    #[error("the schedule ended at {ended}, which is in the past")]
    InThePast {
        /// When it ended.
        ended: jiff::Timestamp,
    },
    /// No member can be asked for it.
    #[error("no member of the group can be asked for {}", parameter.literal())]
    NoCapableMember {
        /// What was asked for.
        parameter: Parameter,
    },
    /// The dispatch would begin now, and no member that could follow it answers.
    #[error("no member of the group can be reached")]
    NoMemberReachable,
    /// A dispatch without a schedule.
    #[error("the dispatch has no schedule")]
    EmptySchedule,
    /// A bound of the gateway.
    #[error("too many {what}: at most {limit} are kept")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many are kept.
        limit: usize,
    },
    /// Another object of the same request was in the way.
    #[error("given twice in one request")]
    GivenTwice,
    /// It could not be made durable.
    #[error("could not be stored: {0}")]
    NotStored(String),
}

/// The core has stopped; the gateway is going down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the gateway is stopping")]
pub struct Stopped;

/// What a request changes, and where the answer goes. Each answer has one entry per object, in the order asked.
#[derive(Debug)]
pub enum Request {
    /// Creates groups, each for itself.
    CreateGroups(Vec<NewGroup>, Answer<EndDeviceGroup>),
    /// Changes groups, each for itself.
    ChangeGroups(Vec<GroupChange>, Answer<EndDeviceGroup>),
    /// Deletes groups, each for itself; their dispatches end and their members are released.
    DeleteGroups(Vec<Reference>, Answer<EndDeviceGroup>),
    /// Accepts dispatches, each for itself.
    CreateDispatches(Vec<NewDispatch>, Answer<GroupDispatch>),
}

/// Where the results of a request go.
pub type Answer<T> = oneshot::Sender<Vec<Result<T, Refusal>>>;

/// A handle on the core; cheap to clone.
#[derive(Clone, Debug)]
pub struct Service {
    requests: mpsc::Sender<Request>,
    snapshot: Arc<ArcSwap<Snapshot>>,
}

impl Service {
    /// A service whose requests arrive at the receiver and whose snapshots are those put into the cell. The core
    /// makes one; a test of the northbound makes its own and plays the core.
    #[must_use]
    pub fn new(queue: usize) -> (Self, mpsc::Receiver<Request>, Arc<ArcSwap<Snapshot>>) {
        let (requests, receiver) = mpsc::channel(queue.max(1));
        let snapshot = Arc::new(ArcSwap::from_pointee(Snapshot::default()));
        (Self { requests, snapshot: snapshot.clone() }, receiver, snapshot)
    }

    /// What is known now. After a change was answered, a snapshot taken shows it.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Creates groups; answered when those accepted are durable.
    ///
    /// # Errors
    /// [`Stopped`] if the gateway is going down.
    pub async fn create_groups(
        &self,
        groups: Vec<NewGroup>,
    ) -> Result<Vec<Result<EndDeviceGroup, Refusal>>, Stopped> {
        self.ask(|answer| Request::CreateGroups(groups, answer)).await
    }

    /// Changes groups; answered when the changes are durable.
    ///
    /// # Errors
    /// [`Stopped`] if the gateway is going down.
    pub async fn change_groups(
        &self,
        changes: Vec<GroupChange>,
    ) -> Result<Vec<Result<EndDeviceGroup, Refusal>>, Stopped> {
        self.ask(|answer| Request::ChangeGroups(changes, answer)).await
    }

    /// Deletes groups; answered, with each group as it was, when that is durable.
    ///
    /// # Errors
    /// [`Stopped`] if the gateway is going down.
    pub async fn delete_groups(
        &self,
        groups: Vec<Reference>,
    ) -> Result<Vec<Result<EndDeviceGroup, Refusal>>, Stopped> {
        self.ask(|answer| Request::DeleteGroups(groups, answer)).await
    }

    /// Accepts dispatches; answered when those accepted are durable. What the field does with them is in the snapshot.
    ///
    /// # Errors
    /// [`Stopped`] if the gateway is going down.
    pub async fn create_dispatches(
        &self,
        dispatches: Vec<NewDispatch>,
    ) -> Result<Vec<Result<GroupDispatch, Refusal>>, Stopped> {
        self.ask(|answer| Request::CreateDispatches(dispatches, answer)).await
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(Answer<T>) -> Request,
    ) -> Result<Vec<Result<T, Refusal>>, Stopped> {
        let (answer, reply) = oneshot::channel();
        self.requests.send(request(answer)).await.map_err(|_| Stopped)?;
        reply.await.map_err(|_| Stopped)
    }
}
