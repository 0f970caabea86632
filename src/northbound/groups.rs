//! The noun DERGroups: groups to be created, changed or deleted, and groups as they are told.

use super::identity::{self, Identity};
use super::namespace::Namespace;
use super::xml::write::Writer;
use super::xml::{Element, Invalid, assign, unexpected};
use crate::core::service::{GroupChange, NewGroup, Reference};
use crate::der::{DerFunction, DerFunctions, EndDeviceGroup, Mrid, Name, Version};

const OWN: Namespace = Namespace::Groups;

/// An EndDeviceGroup as it was written: all that may be given, and what was.
#[derive(Clone, Debug, PartialEq)]
struct Written {
    identity: Reference,
    description: Option<String>,
    functions: Option<DerFunctions>,
    members: Vec<Reference>,
    version: Option<Version>,
}

/// Groups to be created; DERFunction is mandatory.
pub(super) fn read_new(noun: Element<'_>, naive_offset_s: i32) -> Result<Vec<NewGroup>, Invalid> {
    each(noun, |element| {
        let written = read(element, naive_offset_s)?;
        Ok(NewGroup {
            mrid: written.identity.mrid,
            description: written.description,
            functions: written.functions.ok_or_else(|| element.missing("DERFunction"))?,
            members: written.members,
            names: written.identity.names,
            version: written.version,
        })
    })
}

/// Groups to be changed; only what is given changes.
pub(super) fn read_changes(noun: Element<'_>, naive_offset_s: i32) -> Result<Vec<GroupChange>, Invalid> {
    each(noun, |element| {
        let written = read(element, naive_offset_s)?;
        Ok(GroupChange {
            group: written.identity,
            description: written.description,
            functions: written.functions,
            add_members: written.members,
            version: written.version,
        })
    })
}

/// Groups to be deleted: of what is given, only the identity counts.
pub(super) fn read_references(noun: Element<'_>, naive_offset_s: i32) -> Result<Vec<Reference>, Invalid> {
    each(noun, |element| Ok(read(element, naive_offset_s)?.identity))
}

/// Groups as a reply tells them; each must have an mRID.
pub(super) fn read_told(noun: Element<'_>) -> Result<Vec<EndDeviceGroup>, Invalid> {
    each(noun, |element| {
        let written = read(element, 0)?;
        let members: Vec<Mrid> = written.members.into_iter().filter_map(|member| member.mrid).collect();
        Ok(EndDeviceGroup {
            mrid: written.identity.mrid.ok_or_else(|| element.missing("mRID"))?,
            description: written.description,
            functions: written.functions.unwrap_or_default(),
            members,
            names: written.identity.names,
            version: written.version,
        })
    })
}

/// Every EndDeviceGroup of the noun; there must be one.
fn each<T>(noun: Element<'_>, read: impl Fn(Element<'_>) -> Result<T, Invalid>) -> Result<Vec<T>, Invalid> {
    let mut all = Vec::new();
    for child in noun.only_children()? {
        match child.name_in(OWN)? {
            "EndDeviceGroup" => all.push(read(child)?),
            _ => return Err(unexpected(child, "EndDeviceGroup")),
        }
    }
    if all.is_empty() {
        return Err(noun.missing("EndDeviceGroup"));
    }
    Ok(all)
}

fn read(element: Element<'_>, naive_offset_s: i32) -> Result<Written, Invalid> {
    let mut own = Identity::default();
    let (mut description, mut functions, mut version) = (None, None, None);
    let mut members = Vec::new();
    for child in element.only_children()? {
        if own.take(child, OWN)? {
            continue;
        }
        match child.local() {
            "description" => assign(&mut description, child)?,
            "DERFunction" => assign(&mut functions, child)?,
            "version" => assign(&mut version, child)?,
            "EndDevices" => members.push(read_member(child)?),
            _ => {
                let known = "mRID, description, DERFunction, EndDevices, Names and version";
                return Err(unexpected(child, known));
            }
        }
    }
    Ok(Written {
        identity: own.finish()?,
        description: description.map(|d| d.prose().map(str::to_owned)).transpose()?,
        functions: functions.map(read_functions).transpose()?,
        members,
        version: version.map(|v| identity::version(v, OWN, naive_offset_s)).transpose()?,
    })
}

fn read_member(element: Element<'_>) -> Result<Reference, Invalid> {
    let member = identity::reference(element, OWN)?;
    if member.is_empty() {
        return Err(element.invalid("names no device; mRID or Names is needed"));
    }
    Ok(member)
}

/// DERFunction: nine flags, each given once.
fn read_functions(element: Element<'_>) -> Result<DerFunctions, Invalid> {
    let (mut given, mut enabled) = (DerFunctions::NONE, DerFunctions::NONE);
    for child in element.only_children()? {
        let function = DerFunction::from_name(child.name_in(OWN)?)
            .ok_or_else(|| unexpected(child, &DerFunction::ALL.map(DerFunction::name).join(", ")))?;
        if given.has(function) {
            return Err(child.invalid("may stand only once here"));
        }
        given = given.with(function);
        if child.boolean()? {
            enabled = enabled.with(function);
        }
    }
    match DerFunction::ALL.into_iter().find(|function| !given.has(*function)) {
        Some(absent) => Err(element.missing(absent.name())),
        None => Ok(enabled),
    }
}

/// Writes a group as it is.
pub(super) fn write(out: &mut Writer, group: &EndDeviceGroup) {
    let members = group.members.iter().map(|member| Reference::by_mrid(member.clone()));
    out.open("o:EndDeviceGroup");
    out.leaf("o:mRID", group.mrid.as_str());
    out.some_leaf("o:description", group.description.as_deref());
    write_functions(out, group.functions);
    write_rest(out, members, &group.names, group.version.as_ref());
    out.close("o:EndDeviceGroup");
}

/// Writes a group to be created.
pub(super) fn write_new(out: &mut Writer, group: &NewGroup) {
    out.open("o:EndDeviceGroup");
    if let Some(mrid) = &group.mrid {
        out.leaf("o:mRID", mrid.as_str());
    }
    out.some_leaf("o:description", group.description.as_deref());
    write_functions(out, group.functions);
    write_rest(out, group.members.iter().cloned(), &group.names, group.version.as_ref());
    out.close("o:EndDeviceGroup");
}

/// Writes a change of a group.
pub(super) fn write_change(out: &mut Writer, change: &GroupChange) {
    out.open("o:EndDeviceGroup");
    if let Some(mrid) = &change.group.mrid {
        out.leaf("o:mRID", mrid.as_str());
    }
    out.some_leaf("o:description", change.description.as_deref());
    if let Some(functions) = change.functions {
        write_functions(out, functions);
    }
    write_rest(out, change.add_members.iter().cloned(), &change.group.names, change.version.as_ref());
    out.close("o:EndDeviceGroup");
}

/// Writes a group by its identity alone.
pub(super) fn write_reference(out: &mut Writer, group: &Reference) {
    out.open("o:EndDeviceGroup");
    identity::write_reference(out, group);
    out.close("o:EndDeviceGroup");
}

fn write_functions(out: &mut Writer, functions: DerFunctions) {
    out.open("o:DERFunction");
    for function in DerFunction::ALL {
        out.value(&format!("o:{}", function.name()), functions.has(function));
    }
    out.close("o:DERFunction");
}

/// What follows DERFunction: members, names, version.
fn write_rest(
    out: &mut Writer,
    members: impl Iterator<Item = Reference>,
    names: &[Name],
    version: Option<&Version>,
) {
    for member in members {
        out.open("o:EndDevices");
        identity::write_reference(out, &member);
        out.close("o:EndDevices");
    }
    identity::write_names(out, names);
    if let Some(version) = version {
        identity::write_version(out, version);
    }
}
