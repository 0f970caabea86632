//! `[southbound.tls]`, what the gateway shows to devices and whom it trusts, and the TLS keys of a `[[device]]`.
//!
//! The certificate files are read and judged here, so that a wrong one is a fault of the configuration and not of the
//! first connection.

use super::{device, links};
pub(super) use crate::southbound::tls::Client;
use crate::southbound::tls::{Fingerprint, Identity, Paths, Severity, Which};
use crate::southbound::{Dnp3Tcp, Link};
use crate::toml_file::{Fault, Faults, Place, Placed, Table};
use jiff::Timestamp;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

const EXAMPLE: &str = "[southbound.tls] with certificate = \"tls/gateway.pem\", private_key = \"tls/gateway.key\" and authorities = \"tls/device-ca.pem\"";

/// What is known of `[southbound.tls]`.
#[derive(Clone, Debug)]
pub(super) enum Section {
    /// Nothing: this is a file that another one includes.
    Unknown,
    /// It is not there.
    Absent,
    /// It is there and has a fault.
    Wrong,
    /// It is right; what is outside its time, and what is to be said of its role.
    Here(Arc<Identity>, Vec<Fault>, Vec<Placed<String>>),
}

impl Section {
    /// What is shown to devices, and which certificates of it are outside their time.
    pub(super) fn take(self) -> (Option<Arc<Identity>>, Faults) {
        match self {
            Self::Here(identity, lapsed, _) => (Some(identity), Faults::new(lapsed)),
            Self::Unknown | Self::Absent | Self::Wrong => (None, Faults::default()),
        }
    }
}

/// The TLS keys of a device.
#[derive(Debug)]
pub(super) struct Keys {
    name: Option<Placed<String>>,
    pin: Option<Placed<Option<Fingerprint>>>,
}

/// Takes `[southbound]`. `folder` is where the file stands: relative paths begin there.
pub(super) fn read(root: &mut Table, folder: &Path) -> Section {
    let Some(mut southbound) = root.table("southbound", "[southbound]") else { return Section::Absent };
    let section = southbound.table("tls", "[southbound.tls]").map(|table| section(table, folder));
    southbound.finish();
    section.unwrap_or(Section::Absent)
}

fn section(mut table: Table, folder: &Path) -> Section {
    let mut path = |key: &'static str, example: &str| {
        let text = table.required_text(key, example)?;
        Some(Placed { value: folder.join(&text.value), place: text.place })
    };
    let certificate = path("certificate", "\"tls/gateway.pem\"");
    let private_key = path("private_key", "\"tls/gateway.key\"");
    let authorities = path("authorities", "\"tls/device-ca.pem\"");
    table.finish();
    let (Some(certificate), Some(private_key), Some(authorities)) = (certificate, private_key, authorities)
    else {
        return Section::Wrong;
    };
    let place = |which: Which| match which {
        Which::Certificate => &certificate.place,
        Which::PrivateKey => &private_key.place,
        Which::Authorities => &authorities.place,
    };
    let paths = Paths {
        certificate: certificate.value.clone(),
        private_key: private_key.value.clone(),
        authorities: authorities.value.clone(),
    };
    let (identity, findings) = Identity::load(&paths, Timestamp::now());
    let (mut lapsed, mut role) = (Vec::new(), Vec::new());
    for finding in findings {
        let place = place(finding.which);
        let mut remark = |words: String| match finding.role {
            true => role.push(Placed { value: words, place: place.clone() }),
            false => place.remark(words),
        };
        match finding.severity {
            Severity::Fault => place.fault(finding.words),
            Severity::Lapsed => {
                let (file, (line, column)) = (place.file().to_owned(), place.line_column());
                lapsed.push(Fault { file, line, column, message: finding.words });
            }
            Severity::Warning => remark(format!("warning: {}", finding.words)),
            Severity::Note => remark(format!("note: {}", finding.words)),
        }
    }
    identity.map_or(Section::Wrong, |identity| Section::Here(identity, lapsed, role))
}

/// Takes the TLS keys of a device.
pub(super) fn keys(table: &mut Table) -> Keys {
    let name = table.text("server_name", "\"inverter-1130012345\"");
    let pin = table.text("pinned_sha256", "\"the SHA-256 of the device's certificate, 64 digits\"").map(|text| {
        let pin = Fingerprint::parse(&text.value);
        if pin.is_none() {
            text.place.fault(
                "pinned_sha256 is 64 hexadecimal digits, as `openssl x509 -noout -fingerprint -sha256 -in FILE` shows them",
            );
        }
        Placed { value: pin, place: text.place }
    });
    Keys { name, pin }
}

/// How each device is reached over TLS; `None` for one without TLS, or with a fault.
pub(super) fn clients(section: &Section, devices: &[device::Read]) -> Vec<Option<Client>> {
    let mut lacking: Option<(&str, &Place, usize)> = None;
    let mut seen: HashMap<(String, u16), (Client, Place)> = HashMap::new();
    let clients = devices.iter().map(|device| {
        let keys = &device.tls;
        let link = device.link.as_ref()?;
        let secure = secure_scheme(&link.value);
        let Some((host, port)) = link.value.secured() else {
            for place in keys.name.iter().map(|n| &n.place).chain(keys.pin.iter().map(|p| &p.place)) {
                place.fault(format!(
                    "this is for devices over TLS, but the link of this one has none; write the link with {secure}:// or leave this out"
                ));
            }
            return None;
        };
        if let Link::Dnp3Tls(to) = &link.value {
            outstation(to, keys, &link.place)?;
        }
        match section {
            Section::Here(identity, ..) => {
                let client = client(identity, host, keys, &link.place)?;
                let ends = match &link.value {
                    Link::Dnp3Tls(to) => links::ends(to),
                    _ => vec![(host.to_lowercase(), port)],
                };
                for end in ends {
                    let first = seen.entry(end).or_insert_with(|| (client.clone(), link.place.clone()));
                    if first.0 != client {
                        link.place.fault(format!(
                            "this device shares its connection with the one at {}; give both the same server_name and pinned_sha256",
                            first.1.seen_from(&link.place)
                        ));
                        return None;
                    }
                }
                Some(client)
            }
            Section::Absent => {
                lacking.get_or_insert((secure, &link.place, 0)).2 += 1;
                None
            }
            Section::Unknown | Section::Wrong => None,
        }
    });
    let clients: Vec<Option<Client>> = clients.collect();
    let over_tls =
        || devices.iter().filter_map(|d| d.link.as_ref()).filter(|link| link.value.secured().is_some());
    // Outstations do not look at the role; without any device it is worth a word.
    if let Section::Here(_, _, role) = section
        && (over_tls().next().is_none() || over_tls().any(|link| link.value.dnp3().is_none()))
    {
        role.iter().for_each(|role| role.place.remark(role.value.clone()));
    }
    if let Some((scheme, first, count)) = lacking {
        let more = if count > 1 { format!(" ({count} devices need it)") } else { String::new() };
        first.fault(format!(
            "a {scheme} link needs a certificate to show to the device; add {EXAMPLE} to the main file{more}"
        ));
    }
    clients
}

const fn secure_scheme(link: &Link) -> &'static str {
    if link.dnp3().is_some() { "dnp3+tls" } else { "modbus+tls" }
}

/// What TLS can do for an outstation; `None` if more is asked.
fn outstation(to: &Dnp3Tcp, keys: &Keys, link: &Place) -> Option<()> {
    if let Some(pin) = &keys.pin {
        pin.place.fault(
            "pinned_sha256 is for modbus+tls; over dnp3+tls a device is known by its authority and its name only: leave this out, and have the authority that signed its certificate in [southbound.tls] authorities",
        );
        return None;
    }
    if let (Some((second, _)), None) = (&to.second, &keys.name)
        && *second != to.host
    {
        link.remark(format!(
            "warning: both end points have to show a certificate for the name \"{}\"; set server_name to a name that both have",
            to.host
        ));
    }
    Some(())
}

fn client(identity: &Arc<Identity>, host: &str, keys: &Keys, link: &Place) -> Option<Client> {
    let pin = match &keys.pin {
        Some(pin) => Some(pin.value?),
        None => None,
    };
    let (name, place) = match &keys.name {
        Some(name) => (name.value.trim(), &name.place),
        None => (host, link),
    };
    match identity.client(name, pin) {
        Ok(client) => Some(client),
        Err(why) => {
            place.fault(format!("{why}; set server_name"));
            None
        }
    }
}

#[cfg(test)]
mod tests;
