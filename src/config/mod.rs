//! gateway.toml as written, checked, as settings of each room.
//!
//! Every fault of all files is reported at once; a configuration with a fault is no configuration. It opens no
//! connection and creates no folder.

mod device;
mod gateway;
mod group;
mod include;
mod links;
mod listen;
mod registry;
mod tls;

use crate::admin::Settings as AdminSettings;
use crate::der;
use crate::device_map::Maps;
use crate::nearest::nearest;
use crate::northbound::Settings as NorthboundSettings;
use crate::southbound::DeviceSettings;
use crate::toml_file::{Fault, Faults, Table, TomlFile};
use registry::Registry;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the gateway looks for its configuration if nobody says otherwise.
pub const DEFAULT_PATH: &str = "/etc/dergate/gateway.toml";

/// Largest configuration file read: 100,000 devices in one file stay below it.
pub const MAX_BYTES: usize = 32 * 1024 * 1024;

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The gateway itself.
    pub gateway: Gateway,
    /// The listener for the DMS.
    pub northbound: NorthboundSettings,
    /// The listener for operators.
    pub admin: AdminSettings,
    /// Every device; each one's index is its place here.
    pub devices: Vec<DeviceSettings>,
    /// The device maps and SunSpec models: those built in, and those of the folders.
    pub maps: Arc<Maps>,
    /// What the gateway shows to devices over TLS, if anything.
    pub tls: Option<Arc<crate::southbound::tls::Identity>>,
    /// Certificates outside their time. The gateway runs all the same, because devices without TLS must not wait for a
    /// certificate; `check` counts them as faults.
    pub lapsed: Faults,
    /// What is worth knowing of the files and no fault: a certificate that expires soon.
    pub remarks: Faults,
    /// Groups that are created once, if no group has their mRID.
    pub groups: Vec<der::EndDeviceGroup>,
}

/// `[gateway]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// What this gateway is called in messages and logs.
    pub name: String,
    /// Where it keeps what must survive a power cut.
    pub data_dir: PathBuf,
    /// The folders that device maps were read from, besides the ones built in.
    pub device_maps: Vec<PathBuf>,
}

/// Reads gateway.toml and the files that it includes.
///
/// # Errors
/// Every fault of every file.
pub fn load(path: &Path) -> Result<Config, Faults> {
    let (file, root) = TomlFile::read(path, MAX_BYTES)?;
    of_table(path, &file, root)
}

/// Reads a gateway.toml that is already parsed, and the files that it includes.
///
/// # Errors
/// Every fault of every file.
pub fn of_table(path: &Path, file: &TomlFile, mut root: Table) -> Result<Config, Faults> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let gateway = match root.table("gateway", "[gateway]") {
        Some(table) => gateway::read(table, folder),
        None => {
            if !misspelt(&root, "gateway") {
                root.fault(
                    "there is no [gateway]; add a line [gateway] and below it name = \"substation-12\"",
                );
            }
            gateway::Read::default()
        }
    };
    let (northbound, admin) = listen::read(&mut root);
    let tls = tls::read(&mut root, folder);
    let (maps, map_faults) = Maps::load(&gateway.device_maps);
    let maps = Arc::new(maps);
    let mut registry = Registry::new(Some(maps.clone()), !map_faults.is_empty());
    registry.set_tls(tls.clone());
    let (identity, lapsed) = tls.take();
    let lacks_devices = !misspelt(&root, "device");
    let included = root.texts("include", "[\"devices.d/*.toml\"]");
    registry.take_tables(&mut root);
    let mut files = vec![file.clone()];
    let mut faults: Vec<Fault> = map_faults;
    for fragment in include::paths(included, path) {
        match TomlFile::read(&fragment, MAX_BYTES) {
            Ok((file, root)) => {
                read_fragment(root, &mut registry);
                files.push(file);
            }
            Err(wrong) => {
                registry.mark_partial();
                faults.extend(wrong);
            }
        }
    }
    if registry.is_empty() && lacks_devices {
        root.fault("there is no [[device]]; add one with its mrid and link");
    }
    root.finish();
    let (devices, groups) = registry.finish();
    faults.extend(files.iter().flat_map(TomlFile::faults));
    match gateway.name {
        Some(name) if faults.is_empty() => Ok(Config {
            gateway: Gateway { name, data_dir: gateway.data_dir, device_maps: gateway.device_maps },
            northbound,
            admin,
            devices,
            maps,
            tls: identity,
            lapsed,
            remarks: files.iter().flat_map(TomlFile::remarks).collect(),
            groups,
        }),
        _ => Err(Faults::new(faults)),
    }
}

/// True if there is a key that probably means this one, or is this one: its own fault says enough.
fn misspelt(root: &Table, key: &str) -> bool {
    root.keys().any(|given| nearest(given, [key]).is_some())
}

/// Checks a file of `[[device]]` and `[[group]]` tables on its own. What only the including file can tell (which maps
/// there are, which devices other files add) is not checked.
#[must_use]
pub fn check_fragment(file: &TomlFile, root: Table) -> Faults {
    let mut registry = Registry::new(None, true);
    registry.mark_partial();
    read_fragment(root, &mut registry);
    registry.finish();
    file.faults()
}

fn read_fragment(mut root: Table, registry: &mut Registry) {
    registry.take_tables(&mut root);
    let main_only = [
        ("include", "include"),
        ("gateway", "[gateway]"),
        ("northbound", "[northbound]"),
        ("admin", "[admin]"),
        ("southbound", "[southbound]"),
    ];
    for (key, shown) in main_only {
        if let Some(item) = root.take_quietly(key) {
            item.place().fault(format!(
                "{shown} stands only in the main file; an included file has [[device]] and [[group]]"
            ));
        }
    }
    root.finish();
}

#[cfg(test)]
mod tests;
