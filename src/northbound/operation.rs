//! The operations offered, with the roots, nouns and paths that belong to them (61968-5 reference section 2).
//!
//! Which operation a message asks for is decided by the root of its body alone: paths, SOAPAction and verb may disagree.

use super::namespace::Namespace;

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    CreateGroups,
    ChangeGroups,
    DeleteGroups,
    QueryGroups,
    QueryStatuses,
    CreateDispatches,
}

impl Operation {
    pub(super) const ALL: [Self; 6] = [
        Self::CreateGroups,
        Self::ChangeGroups,
        Self::DeleteGroups,
        Self::QueryGroups,
        Self::QueryStatuses,
        Self::CreateDispatches,
    ];

    /// The root of its request.
    pub(super) const fn root(self) -> &'static str {
        match self {
            Self::CreateGroups => "CreateDERGroups",
            Self::ChangeGroups => "ChangeDERGroups",
            Self::DeleteGroups => "DeleteDERGroups",
            Self::QueryGroups => "DERGroupQueriesRequestMessage",
            Self::QueryStatuses => "DERGroupStatusQueriesRequestMessage",
            Self::CreateDispatches => "CreateDERGroupDispatches",
        }
    }

    /// The verb that its header should carry.
    pub(super) const fn verb(self) -> &'static str {
        match self {
            Self::CreateGroups | Self::CreateDispatches => "create",
            Self::ChangeGroups => "change",
            Self::DeleteGroups => "delete",
            Self::QueryGroups | Self::QueryStatuses => "get",
        }
    }

    pub(super) const fn family(self) -> Family {
        match self {
            Self::CreateGroups | Self::ChangeGroups | Self::DeleteGroups => Family::Groups,
            Self::QueryGroups => Family::GroupQueries,
            Self::QueryStatuses => Family::StatusQueries,
            Self::CreateDispatches => Family::Dispatches,
        }
    }

    /// What follows the namespace of 2017 in its SOAPAction.
    pub(super) const fn action(self) -> &'static str {
        match self {
            Self::CreateGroups => "DERGroups/CreateDERGroups",
            Self::ChangeGroups => "DERGroups/ChangeDERGroups",
            Self::DeleteGroups => "DERGroups/DeleteDERGroups",
            Self::QueryGroups => "DERGroups/QueryDERGroups",
            Self::QueryStatuses => "DERGroupStatuses/QueryDERGroupStatuses",
            Self::CreateDispatches => "DERGroupDispatches/CreateDERGroupDispatches",
        }
    }

    /// Where a client of ours sends it.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::CreateGroups => "/create/executeDERGroups",
            Self::ChangeGroups | Self::DeleteGroups => "/change/executeDERGroups",
            Self::QueryGroups => "/get/queryDERGroups",
            Self::QueryStatuses => "/get/queryDERGroupStatuses",
            Self::CreateDispatches => "/create/executeDERGroupDispatches",
        }
    }
}

/// Operations that share a message namespace, and so the shape of their replies and faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Groups,
    GroupQueries,
    StatusQueries,
    Dispatches,
}

impl Family {
    /// The namespace of root, Header, Request, Reply and Payload.
    pub(super) const fn namespace(self) -> Namespace {
        match self {
            Self::Groups => Namespace::GroupsMessage,
            Self::GroupQueries => Namespace::GroupQueriesMessage,
            Self::StatusQueries => Namespace::StatusQueriesMessage,
            Self::Dispatches => Namespace::DispatchesMessage,
        }
    }

    /// The noun of request and reply headers: what a query asks for, not the query.
    pub(super) const fn noun(self) -> &'static str {
        match self {
            Self::Groups | Self::GroupQueries => "DERGroups",
            Self::StatusQueries => "DERGroupStatuses",
            Self::Dispatches => "DERGroupDispatches",
        }
    }

    /// The root of a reply.
    pub(super) const fn response(self) -> &'static str {
        match self {
            Self::Groups => "DERGroupsResponseMessage",
            Self::GroupQueries => "DERGroupQueriesResponseMessage",
            Self::StatusQueries => "DERGroupStatusQueriesResponseMessage",
            Self::Dispatches => "DERGroupDispatchesResponseMessage",
        }
    }

    /// The root of a fault's detail.
    pub(super) const fn fault(self) -> &'static str {
        match self {
            Self::Groups => "DERGroupsFaultMessage",
            Self::GroupQueries => "DERGroupQueriesFaultMessage",
            Self::StatusQueries => "DERGroupStatusQueriesFaultMessage",
            Self::Dispatches => "DERGroupDispatchesFaultMessage",
        }
    }

    /// The namespace of what a reply carries.
    pub(super) const fn objects(self) -> Namespace {
        match self {
            Self::Groups | Self::GroupQueries => Namespace::Groups,
            Self::StatusQueries => Namespace::Statuses,
            Self::Dispatches => Namespace::Dispatches,
        }
    }
}

/// Roots of the 2017 set that a 61968-5 client may send and this version does not do.
const NOT_OFFERED: [&str; 22] = [
    "ExecuteDERGroupsOperationSet",
    "ExecutedDERGroupsOperationSet",
    "DERGroupForecastQueriesRequestMessage",
    "CreateEndDeviceControls",
    "CreatedDERGroups",
    "ChangedDERGroups",
    "DeletedDERGroups",
    "CancelDERGroups",
    "CanceledDERGroups",
    "CloseDERGroups",
    "ClosedDERGroups",
    "ChangedDERGroupStatuses",
    "CreatedDERGroupForecasts",
    "CreateDERGroupForecasts",
    "CreatedEndDeviceEvents",
    "CancelDERGroupDispatches",
    "ChangeDERGroupDispatches",
    "CloseDERGroupDispatches",
    "DeleteDERGroupDispatches",
    "CreatedDERGroupDispatches",
    "ChangedDERGroupDispatches",
    "CancelEndDeviceControls",
];

/// True for a root that the standard's set has and this version does not offer.
pub(super) fn known_but_not_offered(local: &str) -> bool {
    NOT_OFFERED.contains(&local)
}

/// The roots offered, for words of refusal.
pub(super) fn offered() -> String {
    Operation::ALL.map(Operation::root).join(", ")
}
