//! Helpers of the northbound's tests: a core that is played, messages in six layouts, and xmllint as an oracle.

use super::namespace::Namespace;
use super::settings::Settings;
use crate::core::service::{
    GroupView, NewDispatch, NewGroup, ParameterView, Reference, Refusal, Request, Service, Snapshot,
};
use crate::der::{DerFunction, EndDeviceGroup, GroupDispatch, Mrid, Parameter};
use arc_swap::ArcSwap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

/// A core that keeps groups and refuses what the real one would, as far as these tests ask.
pub(crate) struct PlayedCore {
    pub(crate) service: Service,
    pub(crate) dispatches: Arc<Mutex<Vec<NewDispatch>>>,
}

/// Devices that the played gateway has.
pub(crate) const DEVICES: [&str; 3] = ["device-1", "device-2", "device-3"];

impl PlayedCore {
    pub(crate) fn start() -> Self {
        let (service, mut requests, snapshot) = Service::new(16);
        let dispatches = Arc::new(Mutex::new(Vec::new()));
        let kept = dispatches.clone();
        tokio::spawn(async move {
            let mut groups: Vec<EndDeviceGroup> = Vec::new();
            while let Some(request) = requests.recv().await {
                match request {
                    Request::CreateGroups(new, answer) => {
                        let results = new.into_iter().map(|group| create(&mut groups, group)).collect();
                        publish(&groups, &snapshot);
                        let _ = answer.send(results);
                    }
                    Request::ChangeGroups(changes, answer) => {
                        let mut results = Vec::new();
                        for change in changes {
                            let found = find(&groups, &change.group);
                            results.push(found.map(|place| {
                                let group = &mut groups[place];
                                let added = change.add_members.iter().filter_map(|m| m.mrid.clone());
                                group.members.extend(added);
                                group.functions = change.functions.unwrap_or(group.functions);
                                group.version = change.version.or(group.version.take());
                                group.clone()
                            }));
                        }
                        publish(&groups, &snapshot);
                        let _ = answer.send(results);
                    }
                    Request::DeleteGroups(asked, answer) => {
                        let results = asked
                            .iter()
                            .map(|reference| find(&groups, reference).map(|place| groups.remove(place)))
                            .collect();
                        publish(&groups, &snapshot);
                        let _ = answer.send(results);
                    }
                    Request::CreateDispatches(new, answer) => {
                        let results = new.iter().map(|dispatch| accept(&groups, dispatch)).collect();
                        kept.lock().unwrap().extend(new);
                        let _ = answer.send(results);
                    }
                }
            }
        });
        Self { service, dispatches }
    }

    /// The one dispatch that reached the core.
    pub(crate) fn only_dispatch(&self) -> NewDispatch {
        let kept = self.dispatches.lock().unwrap();
        assert_eq!(kept.len(), 1, "{kept:?}");
        kept[0].clone()
    }
}

fn create(groups: &mut Vec<EndDeviceGroup>, new: NewGroup) -> Result<EndDeviceGroup, Refusal> {
    if let Some(mrid) = new.mrid.as_ref().filter(|mrid| groups.iter().any(|g| g.mrid == **mrid)) {
        return Err(Refusal::DuplicateMrid { what: "group", mrid: mrid.clone() });
    }
    for name in &new.names {
        if groups.iter().any(|g| g.names.iter().any(|own| own.name == name.name)) {
            return Err(Refusal::DuplicateName { name: name.name.clone() });
        }
    }
    for member in &new.members {
        if !member.mrid.as_ref().is_some_and(|mrid| DEVICES.contains(&mrid.as_str())) {
            return Err(Refusal::UnknownMember { device: member.clone() });
        }
    }
    let group = EndDeviceGroup {
        mrid: new.mrid.unwrap_or_else(|| Mrid::from(uuid::Uuid::new_v4())),
        description: new.description,
        functions: new.functions,
        members: new.members.into_iter().filter_map(|member| member.mrid).collect(),
        names: new.names,
        version: new.version,
    };
    groups.push(group.clone());
    Ok(group)
}

fn find(groups: &[EndDeviceGroup], asked: &Reference) -> Result<usize, Refusal> {
    if asked.is_empty() {
        return Err(Refusal::NoIdentity);
    }
    let by_mrid = |g: &EndDeviceGroup| asked.mrid.as_ref().is_some_and(|mrid| *mrid == g.mrid);
    let by_name = |g: &EndDeviceGroup| {
        asked.mrid.is_none() && asked.names.iter().any(|n| g.names.iter().any(|own| own.answers_to(n)))
    };
    groups.iter().position(|g| by_mrid(g) || by_name(g)).ok_or(Refusal::UnknownGroup)
}

fn accept(groups: &[EndDeviceGroup], new: &NewDispatch) -> Result<GroupDispatch, Refusal> {
    let group = &groups[find(groups, &new.group)?];
    let needs = match new.parameter {
        Parameter::ActivePower => vec![DerFunction::RealPowerDispatch, DerFunction::MaxRealPowerLimiting],
        Parameter::ReactivePower => vec![DerFunction::ReactivePowerDispatch],
        Parameter::Voltage => vec![DerFunction::VoltageRegulation],
        parameter => return Err(Refusal::UnsupportedParameter { parameter }),
    };
    if !needs.iter().any(|function| group.functions.has(*function)) {
        return Err(Refusal::FunctionNotEnabled { parameter: new.parameter, needs });
    }
    Ok(GroupDispatch {
        mrid: new.mrid.clone().unwrap_or_else(|| Mrid::from(uuid::Uuid::new_v4())),
        names: new.names.clone(),
        group: group.mrid.clone(),
        parameter: new.parameter,
        schedules: new.schedules.clone(),
    })
}

fn publish(groups: &[EndDeviceGroup], cell: &ArcSwap<Snapshot>) {
    let (by_mrid, by_name) = Snapshot::directory(groups.iter());
    let views = groups.iter().map(|group| {
        let value = ParameterView {
            parameter: Parameter::ActivePower,
            value: Some(-1250.5),
            at: "2026-04-09T10:04:58Z".parse().ok(),
            rests_on: 1,
            installed_max: Some(240_000.0),
            installed_min: None,
        };
        let unknown =
            ParameterView { parameter: Parameter::Voltage, value: None, at: None, rests_on: 0, ..value };
        let parameters = if group.members.is_empty() { vec![] } else { vec![value, unknown] };
        Arc::new(GroupView { group: Arc::new(group.clone()), parameters, online: 1 })
    });
    cell.store(Arc::new(Snapshot {
        groups: views.collect(),
        by_mrid: Arc::new(by_mrid),
        by_name: Arc::new(by_name),
        ..Snapshot::default()
    }));
}

/// An element of a test message.
#[derive(Clone, Debug)]
pub(super) struct El {
    pub(super) namespace: Namespace,
    pub(super) name: String,
    pub(super) text: String,
    pub(super) children: Vec<El>,
}

/// An element with children.
pub(super) fn el(namespace: Namespace, name: &str, children: Vec<El>) -> El {
    El { namespace, name: name.into(), text: String::new(), children }
}

/// An element with text.
pub(super) fn leaf(namespace: Namespace, name: &str, text: &str) -> El {
    El { namespace, name: name.into(), text: text.into(), children: Vec::new() }
}

/// The ways to write one and the same message.
pub(super) const LAYOUTS: [Layout; 6] = [
    Layout::Prefixes,
    Layout::OtherPrefixes,
    Layout::Defaults,
    Layout::CommentsAndSpace,
    Layout::CData,
    Layout::InstructionsAndMark,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    Prefixes,
    OtherPrefixes,
    Defaults,
    CommentsAndSpace,
    CData,
    InstructionsAndMark,
}

/// The message in its envelope.
pub(super) fn render(message: &El, layout: Layout) -> String {
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
pub(super) fn header(own: Namespace, verb: &str, noun: &str) -> El {
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

/// Settings with the defaults.
pub(super) fn settings() -> Settings {
    Settings::default()
}

/// The folder of the shared oracle, if this machine has it: `DERGATE_SHARED`, else `shared` in a folder above.
pub(super) fn shared() -> Option<PathBuf> {
    if let Some(given) = std::env::var_os("DERGATE_SHARED") {
        return Some(PathBuf::from(given)).filter(|path| path.join("schemas").is_dir());
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().map(|above| above.join("shared")).find(|path| path.join("schemas").is_dir())
}

/// Validates what stands in the body (or the fault detail) of a SOAP message against our schemas and the shared ones.
/// Says so if it cannot.
pub(super) fn validate(soap: &str, name: &str) {
    if Command::new("xmllint").arg("--version").output().is_err() {
        println!("SKIPPED schema validation of {name}: xmllint is not installed");
        return;
    }
    let message = inner(soap);
    let root = message.trim_start_matches("<t:").split([' ', '>']).next().unwrap();
    let noun = ["ResponseMessage", "FaultMessage", "RequestMessage"]
        .iter()
        .find_map(|end| root.strip_suffix(end))
        .unwrap_or(
            root.trim_start_matches("Create").trim_start_matches("Change").trim_start_matches("Delete"),
        );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("message.xml");
    std::fs::write(&file, message).unwrap();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/northbound/wsdl");
    run_xmllint(&own.join(format!("{noun}Message.xsd")), &file, message);
    let Some(shared) = shared() else {
        println!("SKIPPED validation of {name} against the 2017 interop schemas: no shared/schemas here");
        return;
    };
    // The change/ copy has the lax DERFunction; the query messages are in get/.
    let folder = match noun {
        "DERGroups" => "change",
        "DERGroupDispatches" => "create",
        _ => "get",
    };
    let schema = shared.join(format!("schemas/61968-5/{folder}/xsd/{noun}Message.xsd"));
    run_xmllint(&schema, &file, message);
}

fn run_xmllint(schema: &Path, file: &Path, message: &str) {
    let run = Command::new("xmllint").args(["--noout", "--nonet", "--schema"]).arg(schema).arg(file).output();
    let run = run.unwrap();
    let words = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.success(), "{}: {words}\n{message}", schema.display());
}

/// The message inside the body, or inside the detail of a fault.
pub(super) fn inner(soap: &str) -> &str {
    let (open, close) =
        if soap.contains("<detail>") { ("<detail>", "</detail>") } else { ("<soap:Body>", "</soap:Body>") };
    let from = soap.find(open).expect("a body") + open.len();
    &soap[from..soap.find(close).expect("a body that ends")]
}

/// The text of the first element of that name, whatever its prefix; attributes may precede.
pub(super) fn text_of<'a>(soap: &'a str, name: &str) -> Option<&'a str> {
    let tag = soap.match_indices(name).find(|(at, _)| {
        let before = soap[..*at].chars().next_back();
        let after = soap[at + name.len()..].chars().next();
        matches!(before, Some(':' | '<')) && matches!(after, Some('>' | ' ')) && !soap[..*at].ends_with('/')
    })?;
    let rest = &soap[tag.0..];
    let rest = &rest[rest.find('>')? + 1..];
    rest.find("</").map(|end| &rest[..end])
}
