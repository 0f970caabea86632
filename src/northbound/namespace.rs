//! The XML namespaces that the northbound speaks, as values that compare in one instruction.
//!
//! A namespace that is not in the list is kept as a number of its document, so that a refusal can name it.

/// A resolved namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Namespace {
    /// None at all.
    None,
    /// The SOAP 1.1 envelope.
    Soap11,
    /// The SOAP 1.2 envelope, known only to be refused.
    Soap12,
    /// Header, Reply and Error of IEC 61968-100.
    Message,
    /// Roots around DERGroups.
    GroupsMessage,
    /// DERGroups.
    Groups,
    /// Roots around DERGroupQueries.
    GroupQueriesMessage,
    /// DERGroupQueries.
    GroupQueries,
    /// Roots around DERGroupStatusQueries.
    StatusQueriesMessage,
    /// DERGroupStatusQueries.
    StatusQueries,
    /// DERGroupStatuses.
    Statuses,
    /// Roots around DERGroupDispatches.
    DispatchesMessage,
    /// DERGroupDispatches.
    Dispatches,
    /// Any other; the number is its place in the document's own list.
    Foreign(u16),
}

/// Every namespace that has a name here.
const KNOWN: [(Namespace, &str); 12] = [
    (Namespace::Message, "http://iec.ch/TC57/2011/schema/message"),
    (Namespace::Groups, "http://iec.ch/TC57/2017/DERGroups#"),
    (Namespace::Dispatches, "http://iec.ch/TC57/2017/DERGroupDispatches#"),
    (Namespace::StatusQueries, "http://iec.ch/TC57/2017/DERGroupStatusQueries#"),
    (Namespace::StatusQueriesMessage, "http://iec.ch/TC57/2017/DERGroupStatusQueriesMessage"),
    (Namespace::GroupQueries, "http://iec.ch/TC57/2017/DERGroupQueries#"),
    (Namespace::GroupQueriesMessage, "http://iec.ch/TC57/2017/DERGroupQueriesMessage"),
    (Namespace::GroupsMessage, "http://iec.ch/TC57/2017/DERGroupsMessage"),
    (Namespace::DispatchesMessage, "http://iec.ch/TC57/2017/DERGroupDispatchesMessage"),
    (Namespace::Statuses, "http://iec.ch/TC57/2017/DERGroupStatuses#"),
    (Namespace::Soap11, "http://schemas.xmlsoap.org/soap/envelope/"),
    (Namespace::Soap12, "http://www.w3.org/2003/05/soap-envelope"),
];

impl Namespace {
    /// The namespace of a URI, if it is one of ours.
    pub(super) fn known(uri: &str) -> Option<Self> {
        KNOWN.iter().find(|(_, known)| *known == uri).map(|(namespace, _)| *namespace)
    }

    /// Its URI; empty for none and for a foreign one.
    pub(super) fn uri(self) -> &'static str {
        KNOWN.iter().find(|(namespace, _)| *namespace == self).map_or("", |(_, uri)| uri)
    }
}
