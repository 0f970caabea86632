//! The service descriptions: our own WSDL 1.1 and schemas, built into the program, served with the address that the client
//! used. Also the table of paths. Message handling never looks at a path: it only tells a reader of `?wsdl` what is where.

use super::operation::Family;

/// Where everything begins.
pub(super) const BASE: &str = "/61968-5";

/// One endpoint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endpoint {
    /// Its path below [`BASE`].
    pub(super) path: &'static str,
    /// How a fault about a message of unknown noun is typed here.
    pub(super) family: Family,
    wsdl: &'static str,
}

/// Both paths of ExecuteDERGroups serve the same description of all three operations, and accept all of them.
pub(super) const ENDPOINTS: [Endpoint; 5] = [
    Endpoint {
        path: "/create/executeDERGroups",
        family: Family::Groups,
        wsdl: include_str!("wsdl/ExecuteDERGroups.wsdl"),
    },
    Endpoint {
        path: "/change/executeDERGroups",
        family: Family::Groups,
        wsdl: include_str!("wsdl/ExecuteDERGroups.wsdl"),
    },
    Endpoint {
        path: "/get/queryDERGroups",
        family: Family::GroupQueries,
        wsdl: include_str!("wsdl/QueryDERGroups.wsdl"),
    },
    Endpoint {
        path: "/get/queryDERGroupStatuses",
        family: Family::StatusQueries,
        wsdl: include_str!("wsdl/QueryDERGroupStatuses.wsdl"),
    },
    Endpoint {
        path: "/create/executeDERGroupDispatches",
        family: Family::Dispatches,
        wsdl: include_str!("wsdl/ExecuteDERGroupDispatches.wsdl"),
    },
];

macro_rules! schemas {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("wsdl/", $name)))),*]
    };
}

/// The schemas, served beside every endpoint as `xsd/NAME`.
pub(super) const SCHEMAS: [(&str, &str); 10] = schemas![
    "Message.xsd",
    "DERGroups.xsd",
    "DERGroupsMessage.xsd",
    "DERGroupQueries.xsd",
    "DERGroupQueriesMessage.xsd",
    "DERGroupStatusQueries.xsd",
    "DERGroupStatuses.xsd",
    "DERGroupStatusQueriesMessage.xsd",
    "DERGroupDispatches.xsd",
    "DERGroupDispatchesMessage.xsd",
];

/// The endpoint of a path, doubled slashes counted once.
pub(super) fn endpoint(path: &str) -> Option<&'static Endpoint> {
    let below = collapse(path);
    let below = below.strip_prefix(BASE)?;
    ENDPOINTS.iter().find(|endpoint| endpoint.path == below)
}

/// The schema of a path such as `/61968-5/get/xsd/Message.xsd`.
pub(super) fn schema(path: &str) -> Option<&'static str> {
    let below = collapse(path);
    let mut parts = below.strip_prefix(BASE)?.split('/').skip(1);
    match (parts.next()?, parts.next()?, parts.next()?, parts.next()) {
        ("create" | "change" | "get", "xsd", name, None) => {
            SCHEMAS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
        }
        _ => None,
    }
}

impl Endpoint {
    /// Its description, with the host that the client used in the address.
    pub(super) fn describe(&self, host: &str) -> String {
        self.wsdl.replace("@ADDRESS@", &format!("http://{host}{BASE}{}", self.path))
    }
}

/// The paths offered, one a line.
pub(super) fn paths() -> String {
    ENDPOINTS.iter().map(|endpoint| format!("{BASE}{}\n", endpoint.path)).collect()
}

fn collapse(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !out.ends_with('/') {
            out.push(c);
        }
    }
    if out.len() > 1 && out.ends_with('/') {
        out.pop();
    }
    out
}
