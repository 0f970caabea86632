//! The query nouns DERGroupQueries and DERGroupStatusQueries: which groups are asked about.

use super::identity;
use super::namespace::Namespace;
use super::xml::write::Writer;
use super::xml::{Element, Invalid, unexpected};
use crate::core::service::Reference;

/// The groups asked about; an empty reference means all groups.
pub(super) fn read(query: Element<'_>, namespace: Namespace) -> Result<Vec<Reference>, Invalid> {
    let mut groups = Vec::new();
    for child in query.only_children()? {
        match child.name_in(namespace)? {
            "EndDeviceGroup" => groups.push(identity::reference(child, namespace)?),
            _ => return Err(unexpected(child, "EndDeviceGroup")),
        }
    }
    if groups.is_empty() {
        return Err(query.missing("EndDeviceGroup"));
    }
    Ok(groups)
}

/// Writes the Request of a query; no groups means all of them.
pub(super) fn write(out: &mut Writer, noun: &str, groups: &[Reference]) {
    let noun = format!("o:{noun}");
    let all = [Reference::default()];
    out.open("t:Request");
    out.open(&noun);
    for group in if groups.is_empty() { &all } else { groups } {
        out.open("o:EndDeviceGroup");
        identity::write_reference(out, group);
        out.close("o:EndDeviceGroup");
    }
    out.close(&noun);
    out.close("t:Request");
}
