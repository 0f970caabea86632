//! Messages of tests: built as trees, written in six layouts.

use crate::der::DerFunction;
use crate::northbound::namespace::Namespace;
use crate::northbound::operation::Family;

/// An element of a test message.
#[derive(Clone, Debug)]
pub(in crate::northbound) struct El {
    pub(in crate::northbound) namespace: Namespace,
    pub(in crate::northbound) name: String,
    pub(in crate::northbound) text: String,
    pub(in crate::northbound) children: Vec<El>,
}

/// An element with children.
pub(in crate::northbound) fn el(namespace: Namespace, name: &str, children: Vec<El>) -> El {
    El { namespace, name: name.into(), text: String::new(), children }
}

/// An element with text.
pub(in crate::northbound) fn leaf(namespace: Namespace, name: &str, text: &str) -> El {
    El { namespace, name: name.into(), text: text.into(), children: Vec::new() }
}

/// The ways to write one and the same message.
pub(in crate::northbound) const LAYOUTS: [Layout; 6] = [
    Layout::Prefixes,
    Layout::OtherPrefixes,
    Layout::Defaults,
    Layout::CommentsAndSpace,
    Layout::CData,
    Layout::InstructionsAndMark,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::northbound) enum Layout {
    Prefixes,
    OtherPrefixes,
    Defaults,
    CommentsAndSpace,
    CData,
    InstructionsAndMark,
}

/// The message in its envelope.
pub(in crate::northbound) fn render(message: &El, layout: Layout) -> String {
    let body = el(Namespace::Soap11, "Body", vec![message.clone()]);
    let header = el(Namespace::Soap11, "Header", vec![]);
    let mut out = match layout {
        Layout::InstructionsAndMark => {
            "\u{FEFF}<?xml version=\"1.0\" encoding=\"utf-8\"?><?style none?>\r\n".to_owned()
        }
        _ => String::new(),
    };
    write(&el(Namespace::Soap11, "Envelope", vec![header, body]), layout, true, &mut out);
    out
}

fn prefix(namespace: Namespace, layout: Layout) -> String {
    let number = match namespace {
        Namespace::Soap11 => return if layout == Layout::OtherPrefixes { "SOAP-ENV" } else { "soap" }.into(),
        Namespace::Message => "m",
        Namespace::GroupsMessage
        | Namespace::GroupQueriesMessage
        | Namespace::StatusQueriesMessage
        | Namespace::DispatchesMessage => "t",
        _ => "o",
    };
    if layout == Layout::OtherPrefixes { format!("ns-{number}.1") } else { number.to_owned() }
}

fn write(element: &El, layout: Layout, top: bool, out: &mut String) {
    let uri = element.namespace.uri();
    let name = match layout {
        Layout::Defaults => element.name.clone(),
        _ => format!("{}:{}", prefix(element.namespace, layout), element.name),
    };
    out.push_str(&format!("<{name}"));
    match layout {
        Layout::Defaults => out.push_str(&format!(" xmlns='{uri}'")),
        _ => out.push_str(&format!(" xmlns:{}=\"{uri}\"", prefix(element.namespace, layout))),
    }
    if top {
        out.push_str(" xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:schemaLocation='a b'");
    }
    if element.text.is_empty() && element.children.is_empty() {
        out.push_str("/>");
        return;
    }
    out.push('>');
    let text = element.text.replace('&', "&amp;").replace('<', "&lt;");
    match layout {
        Layout::CData if !element.text.is_empty() => {
            let (a, b) = element.text.split_at(element.text.chars().next().map_or(0, char::len_utf8));
            out.push_str(&format!("<![CDATA[{a}]]><![CDATA[{b}]]>"));
        }
        Layout::CommentsAndSpace if !element.text.is_empty() => {
            out.push_str(&format!("\n  <!-- {} -->{text}<!-- after -->  ", element.name));
        }
        Layout::InstructionsAndMark if !element.text.is_empty() => {
            for c in element.text.chars() {
                out.push_str(&format!("&#x{:X};", u32::from(c)));
            }
        }
        _ => out.push_str(&text),
    }
    for child in &element.children {
        match layout {
            Layout::CommentsAndSpace => out.push_str("\n\t<!-- next -->\n"),
            Layout::InstructionsAndMark => out.push_str("\r\n<?next one?>"),
            _ => {}
        }
        write(child, layout, false, out);
    }
    if layout == Layout::CommentsAndSpace {
        out.push('\n');
    }
    out.push_str(&format!("</{name}>"));
}

/// Header of a request.
pub(in crate::northbound) fn header(own: Namespace, verb: &str, noun: &str) -> El {
    let m = Namespace::Message;
    el(
        own,
        "Header",
        vec![
            leaf(m, "Verb", verb),
            leaf(m, "Noun", noun),
            leaf(m, "Timestamp", "2026-04-09T08:15:00Z"),
            leaf(m, "MessageID", "message-1"),
            leaf(m, "CorrelationID", "correlation-1"),
        ],
    )
}

pub(in crate::northbound) const G: Namespace = Namespace::Groups;
pub(in crate::northbound) const T: Namespace = Namespace::GroupsMessage;
pub(in crate::northbound) const D: Namespace = Namespace::Dispatches;

pub(in crate::northbound) fn functions(namespace: Namespace, enabled: &[DerFunction]) -> El {
    let flag = |function: DerFunction| {
        leaf(namespace, function.name(), if enabled.contains(&function) { "true" } else { "0" })
    };
    el(namespace, "DERFunction", DerFunction::ALL.into_iter().map(flag).collect())
}

pub(in crate::northbound) fn names(namespace: Namespace, name: &str) -> El {
    el(namespace, "Names", vec![leaf(namespace, "name", name)])
}

pub(in crate::northbound) fn group(mrid: Option<&str>, name: Option<&str>, members: &[&str]) -> El {
    let mut children = Vec::new();
    children.extend(mrid.map(|mrid| leaf(G, "mRID", mrid)));
    children.push(leaf(G, "description", "Feeder 12 <rooftop> & PV"));
    children.push(functions(G, &[DerFunction::RealPowerDispatch, DerFunction::ConnectDisconnect]));
    children.extend(members.iter().map(|member| el(G, "EndDevices", vec![leaf(G, "mRID", member)])));
    children.extend(name.map(|name| {
        let authority = el(G, "NameTypeAuthority", vec![leaf(G, "name", "DMS-East")]);
        let kind = el(G, "NameType", vec![leaf(G, "name", "groupName"), authority]);
        el(G, "Names", vec![leaf(G, "name", name), kind])
    }));
    children.push(el(
        G,
        "version",
        vec![
            leaf(G, "date", "2026-04-09T10:14:30+02:00"),
            leaf(G, "major", "1"),
            leaf(G, "minor", "0"),
            leaf(G, "revision", "0"),
        ],
    ));
    el(G, "EndDeviceGroup", children)
}

pub(in crate::northbound) fn named(namespace: Namespace, mrid: Option<&str>, name: Option<&str>) -> El {
    let mut children = Vec::new();
    children.extend(mrid.map(|mrid| leaf(namespace, "mRID", mrid)));
    children.extend(name.map(|name| names(namespace, name)));
    el(namespace, "EndDeviceGroup", children)
}

pub(in crate::northbound) fn groups_message(root: &str, verb: &str, groups: Vec<El>) -> El {
    let payload = el(T, "Payload", vec![el(G, "DERGroups", groups)]);
    el(T, root, vec![header(T, verb, "DERGroups"), payload])
}

pub(in crate::northbound) fn query_message(family: Family, groups: Vec<El>) -> El {
    let (root, query, noun) = match family {
        Family::StatusQueries => {
            ("DERGroupStatusQueriesRequestMessage", "DERGroupStatusQueries", Namespace::StatusQueries)
        }
        _ => ("DERGroupQueriesRequestMessage", "DERGroupQueries", Namespace::GroupQueries),
    };
    let own = family.namespace();
    let groups = groups.into_iter().map(|group| renamed(group, noun)).collect();
    let request = el(own, "Request", vec![el(noun, query, groups)]);
    el(own, root, vec![header(own, "get", family.noun()), request])
}

pub(in crate::northbound) fn renamed(element: El, namespace: Namespace) -> El {
    let children = element.children.into_iter().map(|child| renamed(child, namespace)).collect();
    El { namespace, children, ..element }
}

pub(in crate::northbound) struct Ordered {
    pub(in crate::northbound) parameter: &'static str,
    pub(in crate::northbound) multiplier: &'static str,
    pub(in crate::northbound) unit: &'static str,
    pub(in crate::northbound) direction: Option<&'static str>,
    pub(in crate::northbound) points: Vec<(&'static str, &'static str)>,
}

pub(in crate::northbound) fn kilowatts(points: Vec<(&'static str, &'static str)>) -> Ordered {
    Ordered { parameter: "activePower", multiplier: "k", unit: "W", direction: None, points }
}

pub(in crate::northbound) fn dispatch(
    mrid: Option<&str>,
    inside: Option<&str>,
    outside: Option<&str>,
    ordered: &Ordered,
) -> El {
    let points = ordered.points.iter().map(|(number, value)| {
        el(D, "DERCurveData", vec![leaf(D, "intervalNumber", number), leaf(D, "nominalYValue", value)])
    });
    let mut schedule = vec![
        leaf(D, "curveStyleKind", "constantYValue"),
        leaf(D, "startTime", "2026-04-09T12:00:00Z"),
        leaf(D, "timeIntervalDuration", "15"),
        leaf(D, "timeIntervalUnit", "m"),
    ];
    schedule.extend(points);
    let mut parameter = vec![leaf(D, "DERParameter", ordered.parameter)];
    parameter.extend(ordered.direction.map(|direction| leaf(D, "flowDirection", direction)));
    parameter.push(leaf(D, "yMultiplier", ordered.multiplier));
    parameter.push(leaf(D, "yUnit", ordered.unit));
    parameter.push(el(D, "DispatchSchedule", schedule));
    let mut inner = vec![el(D, "DERMonitorableParameter", parameter)];
    inner.extend(inside.map(|name| names(D, name)));
    let mut children = Vec::new();
    children.extend(mrid.map(|mrid| leaf(D, "mRID", mrid)));
    children.push(el(D, "EndDeviceGroup", inner));
    children.extend(outside.map(|name| names(D, name)));
    el(D, "DERGroupDispatch", children)
}

pub(in crate::northbound) fn dispatch_message(dispatches: Vec<El>) -> El {
    let own = Namespace::DispatchesMessage;
    let payload = el(own, "Payload", vec![el(D, "DERGroupDispatches", dispatches)]);
    el(own, "CreateDERGroupDispatches", vec![header(own, "create", "DERGroupDispatches"), payload])
}
