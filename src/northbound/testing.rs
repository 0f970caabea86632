//! Helpers of the northbound's tests: a core that is played, and xmllint as an oracle.

pub(super) mod messages;

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
            installed_on: 0,
            installed_max: Some(240_000.0),
            installed_min: None,
        };
        let unknown =
            ParameterView { parameter: Parameter::Voltage, value: None, at: None, rests_on: 0, ..value };
        let parameters = if group.members.is_empty() { vec![] } else { vec![value, unknown] };
        Arc::new(GroupView { group: Arc::new(group.clone()), parameters, online: 1, missing: Vec::new() })
    });
    cell.store(Arc::new(Snapshot {
        groups: views.collect(),
        by_mrid: Arc::new(by_mrid),
        by_name: Arc::new(by_name),
        ..Snapshot::default()
    }));
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
