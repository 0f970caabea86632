use super::*;
use crate::der::{DerFunction, DeviceIndex, Mrid};
use crate::northbound::{FlowDirection, PartialResult};
use std::time::Duration;

/// A folder with files, and what `load` says of its gateway.toml.
fn load_files(files: &[(&str, &str)]) -> (tempfile::TempDir, Result<Config, String>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let loaded = load(&folder.path().join("gateway.toml"));
    let prefix = format!("{}/", folder.path().display());
    (folder, loaded.map_err(|faults| faults.to_string().replace(&prefix, "")))
}

const SMALLEST: &str =
    "[gateway]\nname = \"g\"\n[[device]]\nmrid = \"a\"\nlink = \"modbus+tcp://192.0.2.1\"\n";

#[test]
fn the_smallest_file_gets_the_defaults() {
    let (_folder, config) = load_files(&[("gateway.toml", SMALLEST)]);
    let config = config.unwrap();
    assert_eq!(config.gateway.name, "g");
    assert_eq!(config.gateway.data_dir, Path::new("/var/lib/dergate"));
    assert!(config.gateway.device_maps.is_empty());
    assert_eq!(config.northbound, crate::northbound::Settings::default());
    assert_eq!(config.admin, crate::admin::Settings::default());
    let device = &config.devices[0];
    assert_eq!(
        (device.name.as_str(), device.poll, device.map.id.as_str()),
        ("a", Duration::from_secs(1), "sunspec")
    );
    assert_eq!(device.link.to_string(), "modbus+tcp://192.0.2.1:502?unit=1");
    assert!(config.groups.is_empty());
}

#[test]
fn the_example_says_what_it_says() {
    let config = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config/gateway.toml")).unwrap();
    assert_eq!(
        (config.gateway.name.as_str(), config.devices.len(), config.groups.len()),
        ("substation-12", 3, 2)
    );
    assert_eq!(config.devices[2].index, DeviceIndex::new(2));
    assert_eq!(config.devices[2].map.sunspec.shadow_models, [123]);
    assert_eq!(config.devices[2].poll, Duration::from_secs(5));
    let [first, second] = config.groups.as_slice() else { panic!("two groups") };
    assert_eq!(first.label(), "FDR12-PV");
    assert!(first.functions.has(DerFunction::RampRateControl));
    assert!(!first.functions.has(DerFunction::ReactivePowerDispatch));
    assert_eq!(first.members.len(), 3);
    assert_eq!(
        second.members,
        [config.devices[0].mrid.clone(), config.devices[1].mrid.clone()],
        "members by name"
    );
}

#[test]
fn every_example_line_that_is_commented_out_is_a_right_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/gateway.toml");
    let text = std::fs::read_to_string(path).unwrap();
    let key = |line: &str| {
        line.split_once(" = ")
            .is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
    };
    let uncommented: Vec<&str> =
        text.lines().map(|line| line.strip_prefix("# ").filter(|rest| key(rest)).unwrap_or(line)).collect();
    assert!(uncommented.len() > 50 && uncommented.contains(&"request_timeout = \"30s\""));
    let (_folder, config) =
        load_files(&[("gateway.toml", &uncommented.join("\n")), ("device-maps/readme.md", "")]);
    let config = config.unwrap();
    assert_eq!(
        config.northbound,
        crate::northbound::Settings::default(),
        "what the comments show are the defaults"
    );
    assert_eq!(config.gateway.data_dir, Path::new("/var/lib/dergate"));
}

#[test]
fn every_key_arrives() {
    let text = "include = [\"devices.d/*.toml\", \"none.d/*.toml\", \"gateway.toml\"]\n[gateway]\nname = \"g\"\ndata_dir = \"data\"\n\
        device_maps = [\"maps\"]\n[northbound]\nlisten = \"0.0.0.0:0\"\ninsecure = true\nabsent_flow_direction = \"forward\"\n\
        partial_result = \"partial\"\ntime_zone_offset = \"-05:00\"\nmax_body_bytes = 2048\nmax_connections = 7\n\
        request_timeout = \"500ms\"\n[admin]\nlisten = \"[::1]:0\"\n\
        [[group]]\nmrid = \"g1\"\nname = \"G\"\nfunctions = []\nmembers = [\"PV-2\", \"_A\"]\n";
    let device = |mrid: &str, name: &str, host: u8| {
        format!(
            "[[device]]\nmrid = \"{mrid}\"\nname = \"{name}\"\nlink = \"modbus+tcp://192.0.2.{host}\"\nmap = \"acme\"\n"
        )
    };
    let map = "format = 1\nid = \"acme\"\ntitle = \"Acme\"\nkind = \"sunspec\"\n";
    let (folder, config) = load_files(&[
        ("gateway.toml", text),
        ("devices.d/1.toml", &device("a", "PV-1", 1)),
        ("devices.d/2.toml", &device("b", "PV-2", 2)),
        ("maps/acme.toml", map),
    ]);
    let config = config.unwrap();
    assert_eq!(config.gateway.data_dir, folder.path().join("data"));
    assert_eq!(config.gateway.device_maps, [folder.path().join("maps")]);
    let north = &config.northbound;
    assert_eq!(north.listen.to_string(), "0.0.0.0:0");
    assert_eq!(
        (north.absent_flow_direction, north.partial_result),
        (FlowDirection::Forward, PartialResult::Partial)
    );
    assert_eq!((north.naive_time_offset_s, north.max_body, north.max_connections), (-18_000, 2048, 7));
    assert_eq!(north.request_timeout, Duration::from_millis(500));
    assert_eq!(config.admin.listen.to_string(), "[::1]:0");
    assert_eq!(config.devices.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(), ["PV-1", "PV-2"]);
    assert_eq!(config.devices[0].map.title, "Acme");
    let mrids = ["b", "a"].map(|m| Mrid::parse(m).unwrap());
    assert_eq!(config.groups[0].members, mrids, "in the order of the file");
}

#[test]
fn the_folder_device_maps_beside_the_file_is_used_if_it_is_there() {
    let map = "format = 1\nid = \"sunspec\"\ntitle = \"Ours\"\nkind = \"sunspec\"\n";
    let (_folder, config) = load_files(&[("gateway.toml", SMALLEST), ("device-maps/x.toml", map)]);
    assert_eq!(config.unwrap().devices[0].map.title, "Ours");
}

#[test]
fn a_broken_include_does_not_make_its_devices_unknown() {
    let text = format!(
        "include = [\"d.toml\"]\n{SMALLEST}[[group]]\nmrid = \"g\"\nfunctions = []\nmembers = [\"PV-9\"]\n"
    );
    let (_folder, config) =
        load_files(&[("gateway.toml", &text), ("d.toml", "[[device]\nname = \"PV-9\"\n")]);
    assert_eq!(config.unwrap_err(), "d.toml:1:10: this header is not closed; write it like [[device]]");
}

#[test]
fn faults_of_all_files_come_together() {
    let (_folder, config) = load_files(&[
        ("gateway.toml", "include = [\"d.toml\"]\n[gateway]\nnam = \"g\"\n"),
        ("d.toml", "[[device]]\nmrid = \"a\"\nlink = \"modbus+tcp://h\"\nmap = \"acme\"\n"),
        ("device-maps/acme.toml", "format = 1\n"),
    ]);
    let faults = config.unwrap_err();
    assert_eq!(faults.lines().count(), 5, "{faults}");
    assert!(!faults.contains("no device map"), "the map is there, only wrong: {faults}");
}

#[test]
fn a_large_gateway_loads_and_a_too_large_one_is_refused() {
    let device = |k: usize| format!("[[device]]\nmrid = \"{k}\"\nlink = \"modbus+tcp://h{k}\"\n");
    let text = |n: usize| -> String {
        "[gateway]\nname = \"g\"\n".to_owned() + &(0..n).map(device).collect::<String>()
    };
    let (_folder, config) = load_files(&[("gateway.toml", &text(20_000))]);
    assert_eq!(config.unwrap().devices.len(), 20_000);
    let (_folder, config) = load_files(&[("gateway.toml", &text(100_001))]);
    assert_eq!(
        config.unwrap_err(),
        "gateway.toml:300003:1: more than 100000 devices; one gateway serves at most so many"
    );
}

#[test]
fn many_faults_take_no_long_time() {
    let device = "[[device]]\nmrid = \"a\"\nname = \"n\"\nlink = \"modbus+tcp://h\"\n".repeat(20_000);
    let members = "\"x\",".repeat(20_000);
    let text = format!(
        "[gateway]\nname = \"g\"\n{device}[[group]]\nmrid = \"g\"\nfunctions = []\nmembers = [{members}]\n"
    );
    let (_folder, config) = load_files(&[("gateway.toml", &text)]);
    assert!(config.unwrap_err().contains("more faults in this file"));
}

#[cfg(feature = "dnp3")]
#[test]
fn an_outstation_needs_three_lines() {
    let device = |mrid: &str, link: &str| format!("[[device]]\nmrid = \"{mrid}\"\nlink = \"{link}\"\n");
    let text = "[gateway]\nname = \"g\"\n".to_owned()
        + &device("a", "dnp3+tcp://192.0.2.1?outstation=10")
        + &device("b", "dnp3+serial:///dev/ttyS0?outstation=10")
        + &device("c", "modbus+tcp://192.0.2.1");
    let (_folder, config) = load_files(&[("gateway.toml", &text)]);
    let config = config.unwrap();
    let seen: Vec<_> =
        config.devices.iter().map(|d| (d.map.id.as_str(), d.map_named, d.poll.as_secs())).collect();
    assert_eq!(
        seen,
        [("dnp3-an2018", false, 1), ("dnp3-an2018", false, 5), ("sunspec", false, 1)],
        "the usual map of its protocol, and a serial line asked less often"
    );
    assert_eq!(config.devices[0].link.to_string(), "dnp3+tcp://192.0.2.1:20000?outstation=10&master=1");
    assert!(config.remarks.is_empty(), "{}", config.remarks);
}

#[cfg(feature = "dnp3")]
#[test]
fn two_masters_at_one_end_point_are_a_warning() {
    let device = |n: u8| {
        format!("[[device]]\nmrid = \"{n}\"\nlink = \"dnp3+tcp://192.0.2.1?outstation=1{n}&master={n}\"\n")
    };
    let text = "[gateway]\nname = \"g\"\n".to_owned() + &device(1) + &device(2);
    let (_folder, config) = load_files(&[("gateway.toml", &text)]);
    let remarks = config.unwrap().remarks.to_string();
    assert!(
        remarks.contains("gateway.toml:8:8: warning: 192.0.2.1:20000 is reached as master 2"),
        "{remarks}"
    );
}
