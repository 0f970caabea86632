//! mRID, Names and version: the parts that every noun shares, each in its own namespace.

use super::namespace::Namespace;
use super::xml::write::Writer;
use super::xml::{Element, Invalid, assign, unexpected};
use crate::core::service::Reference;
use crate::der::{Mrid, Name, NameType, NameTypeAuthority, Version};

/// Most Names of one object: they are compared with one another, in the core as well.
const MAX_NAMES: usize = 32;

/// An mRID.
pub(super) fn mrid(element: Element<'_>) -> Result<Mrid, Invalid> {
    Mrid::parse(element.text()?).map_err(|error| element.invalid(error))
}

/// Collects mRID and Names of one object.
#[derive(Debug, Default)]
pub(super) struct Identity<'d> {
    mrid: Option<Element<'d>>,
    names: Vec<Name>,
}

impl<'d> Identity<'d> {
    /// Takes a child if it is mRID or Names; true if it was.
    pub(super) fn take(&mut self, child: Element<'d>, namespace: Namespace) -> Result<bool, Invalid> {
        match child.name_in(namespace)? {
            // Generated clients send an element for a field that was left empty: it names nothing.
            "mRID" if child.text()?.trim().is_empty() => {}
            "mRID" => assign(&mut self.mrid, child)?,
            "Names" if self.names.len() >= MAX_NAMES => {
                return Err(child.invalid(format!("is too many; at most {MAX_NAMES} Names are accepted")));
            }
            "Names" => self.names.push(name(child, namespace)?),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// What was collected.
    pub(super) fn finish(self) -> Result<Reference, Invalid> {
        Ok(Reference { mrid: self.mrid.map(mrid).transpose()?, names: self.names })
    }
}

/// An object of which only the identity is read, such as EndDevice or the group of a query.
pub(super) fn reference(element: Element<'_>, namespace: Namespace) -> Result<Reference, Invalid> {
    let mut identity = Identity::default();
    for child in element.only_children()? {
        if !identity.take(child, namespace)? {
            return Err(unexpected(child, "mRID and Names"));
        }
    }
    identity.finish()
}

fn name(element: Element<'_>, namespace: Namespace) -> Result<Name, Invalid> {
    let (mut name, mut kind) = (None, None);
    for child in element.only_children()? {
        match child.name_in(namespace)? {
            "name" => assign(&mut name, child)?,
            "NameType" => assign(&mut kind, child)?,
            _ => return Err(unexpected(child, "name and NameType")),
        }
    }
    let name = name.ok_or_else(|| element.missing("name"))?.label()?.to_owned();
    let Some(kind) = kind else { return Ok(Name { name, name_type: None }) };
    let (own, description, authority) = described(kind, namespace, true)?;
    let authority = match authority {
        None => None,
        Some(authority) => {
            let (name, description, _) = described(authority, namespace, false)?;
            Some(NameTypeAuthority { description, name })
        }
    };
    Ok(Name { name, name_type: Some(NameType { description, name: own, authority }) })
}

/// Name, description and authority of a NameType or, without an authority of its own, a NameTypeAuthority.
fn described(
    element: Element<'_>,
    namespace: Namespace,
    with_authority: bool,
) -> Result<(String, Option<String>, Option<Element<'_>>), Invalid> {
    let (mut name, mut description, mut authority) = (None, None, None);
    for child in element.only_children()? {
        match child.name_in(namespace)? {
            "name" => assign(&mut name, child)?,
            "description" => assign(&mut description, child)?,
            "NameTypeAuthority" if with_authority => assign(&mut authority, child)?,
            _ => return Err(unexpected(child, "name, description and NameTypeAuthority")),
        }
    }
    let name = name.ok_or_else(|| element.missing("name"))?.label()?.to_owned();
    let description = description.map(|d| d.prose().map(str::to_owned)).transpose()?;
    Ok((name, description, authority))
}

/// A version.
pub(super) fn version(
    element: Element<'_>,
    namespace: Namespace,
    naive_offset_s: i32,
) -> Result<Version, Invalid> {
    let (mut date, mut major, mut minor, mut revision) = (None, None, None, None);
    for child in element.only_children()? {
        match child.name_in(namespace)? {
            "date" => assign(&mut date, child)?,
            "major" => assign(&mut major, child)?,
            "minor" => assign(&mut minor, child)?,
            "revision" => assign(&mut revision, child)?,
            _ => return Err(unexpected(child, "date, major, minor and revision")),
        }
    }
    Ok(Version {
        date: date.map(|date| date.date_time(naive_offset_s)).transpose()?,
        major: major.map(Element::integer).transpose()?,
        minor: minor.map(Element::integer).transpose()?,
        revision: revision.map(Element::integer).transpose()?,
    })
}

/// Writes Names, one after the other.
pub(super) fn write_names(out: &mut Writer, names: &[Name]) {
    for name in names {
        out.open("o:Names");
        out.leaf("o:name", &name.name);
        if let Some(kind) = &name.name_type {
            out.open("o:NameType");
            out.some_leaf("o:description", kind.description.as_deref());
            out.leaf("o:name", &kind.name);
            if let Some(authority) = &kind.authority {
                out.open("o:NameTypeAuthority");
                out.some_leaf("o:description", authority.description.as_deref());
                out.leaf("o:name", &authority.name);
                out.close("o:NameTypeAuthority");
            }
            out.close("o:NameType");
        }
        out.close("o:Names");
    }
}

/// Writes the mRID and Names of a reference, in the order of the schema.
pub(super) fn write_reference(out: &mut Writer, reference: &Reference) {
    if let Some(mrid) = &reference.mrid {
        out.leaf("o:mRID", mrid.as_str());
    }
    write_names(out, &reference.names);
}

/// Writes a version.
pub(super) fn write_version(out: &mut Writer, version: &Version) {
    out.open("o:version");
    if let Some(date) = version.date {
        out.value("o:date", date);
    }
    let numbers = [("o:major", version.major), ("o:minor", version.minor), ("o:revision", version.revision)];
    for (name, number) in numbers {
        if let Some(number) = number {
            out.value(name, number);
        }
    }
    out.close("o:version");
}
