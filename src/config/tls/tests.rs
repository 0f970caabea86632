use crate::config::{Config, check_fragment, load};
use crate::southbound::tls::testing::{Authority, Sheet, save};
use crate::toml_file::TomlFile;
use std::path::Path;

const SECTION: &str = "[southbound.tls]\ncertificate = \"tls/gateway.pem\"\nprivate_key = \"tls/gateway.key\"\nauthorities = \"tls/device-ca.pem\"\n";

fn device(mrid: &str, link: &str, more: &str) -> String {
    format!("[[device]]\nmrid = \"{mrid}\"\nlink = \"{link}\"\n{more}")
}

/// A folder with right certificate files beside gateway.toml.
fn folder(gateway: &Sheet) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let tls = folder.path().join("tls");
    std::fs::create_dir(&tls).unwrap();
    Authority::new("utility CA").issue(gateway).save(&tls, "gateway");
    save(&tls, "device-ca.pem", &Authority::new("device CA").pem);
    folder
}

fn load_in(folder: &Path, text: &str) -> Result<Config, String> {
    let path = folder.join("gateway.toml");
    std::fs::write(&path, format!("[gateway]\nname = \"g\"\n{text}")).unwrap();
    load(&path).map_err(|faults| faults.to_string().replace(&format!("{}/", folder.display()), ""))
}

#[test]
fn tls_devices_get_what_they_need_and_the_others_nothing() {
    let folder = folder(&Sheet::gateway("GridServiceSunSpec"));
    let pin = "ab".repeat(32);
    let text = [
        SECTION.to_owned(),
        device("a", "modbus+tls://192.0.2.1", ""),
        device("b", "modbus+tls://192.0.2.2:5020", "server_name = \"inv-2\"\n"),
        device("c", "modbus+tls://192.0.2.3", &format!("pinned_sha256 = \"{pin}\"\n")),
        device("d", "modbus+tcp://192.0.2.4", ""),
        device("e", "modbus+tls://192.0.2.1?unit=2", ""),
    ];
    let config = load_in(folder.path(), &text.concat()).unwrap();
    let tls: Vec<_> = config.devices.iter().map(|d| d.tls.clone()).collect();
    assert!(tls[..3].iter().all(Option::is_some) && tls[3].is_none());
    assert!(tls[0] != tls[1] && tls[0] != tls[2]);
    assert_eq!(tls[0], tls[4], "two units behind one connection");
    assert_eq!(config.tls.unwrap().role().name(), Some("GridServiceSunSpec"));
    assert_eq!(config.remarks.len(), 1, "the role is said: {}", config.remarks);
}

#[test]
fn a_tls_link_without_the_section_shows_what_to_add() {
    let folder = tempfile::tempdir().unwrap();
    let text = device("a", "modbus+tls://192.0.2.1", "") + &device("b", "modbus+tls://192.0.2.2", "");
    let faults = load_in(folder.path(), &text).unwrap_err();
    assert_eq!(
        faults,
        "gateway.toml:5:8: a modbus+tls link needs a certificate to show to the device; add [southbound.tls] with \
         certificate = \"tls/gateway.pem\", private_key = \"tls/gateway.key\" and authorities = \"tls/device-ca.pem\" to the main file (2 devices need it)"
    );
}

#[test]
fn keys_that_do_not_fit_are_faults_at_their_place() {
    let folder = folder(&Sheet::gateway("GridServiceSunSpec"));
    let text = [
        SECTION.to_owned(),
        device("a", "modbus+tcp://192.0.2.1", "server_name = \"x\"\n"),
        device("b", "modbus+tls://192.0.2.2", "pinned_sha256 = \"12ab\"\n"),
        device("c", "modbus+tls://192.0.2.3", "server_name = \"not a name\"\n"),
        device("d", "modbus+tls://192.0.2.4?unit=1", ""),
        device("e", "modbus+tls://192.0.2.4?unit=2", "server_name = \"other\"\n"),
    ];
    let faults = load_in(folder.path(), &text.concat()).unwrap_err();
    let lines: Vec<&str> = faults.lines().collect();
    let starts = [
        "gateway.toml:10:15: this is for devices over TLS, but the link of this one has none",
        "gateway.toml:14:17: pinned_sha256 is 64 hexadecimal digits",
        "gateway.toml:18:15: \"not a name\" cannot be the name of a device in a certificate",
        "gateway.toml:24:8: this device shares its connection with the one at line 21; give both",
    ];
    assert_eq!(lines.len(), starts.len(), "{faults}");
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "{line}\n{start}");
    }
}

#[test]
fn certificate_faults_stand_at_the_line_that_names_the_file() {
    let mut sheet = Sheet::gateway("GridServiceSunSpec");
    sheet.until = (2021, 1, 1);
    let folder = folder(&sheet);
    std::fs::remove_file(folder.path().join("tls/device-ca.pem")).unwrap();
    let text = SECTION.to_owned() + &device("a", "modbus+tls://192.0.2.1", "");
    let faults = load_in(folder.path(), &text).unwrap_err();
    assert_eq!(faults, "gateway.toml:6:15: tls/device-ca.pem: there is no such file; check the path");
    save(&folder.path().join("tls"), "device-ca.pem", &Authority::new("device CA").pem);
    let config = load_in(folder.path(), &text).unwrap();
    assert_eq!(
        config.lapsed.to_string().replace(&format!("{}/", folder.path().display()), ""),
        "gateway.toml:4:15: tls/gateway.pem: \"CN=gateway\" expired at 2021-01-01T00:00:00Z; renew it",
        "devices without TLS do not wait for a certificate"
    );
    let faults = load_in(
        folder.path(),
        "[southbound.tls]\ncertficate = \"x\"\n[[device]]\nmrid = \"a\"\nlink = \"modbus+tcp://h\"\n",
    );
    let faults = faults.unwrap_err();
    assert_eq!(faults.lines().count(), 4, "{faults}");
    assert!(faults.contains("did you mean \"certificate\"?"), "{faults}");
}

#[test]
fn an_included_file_is_checked_without_the_section() {
    let text = device("a", "modbus+tls://192.0.2.1", "server_name = \"inv\"\n");
    let (file, root) = TomlFile::parse("devices.toml", &text, 10_000).unwrap();
    assert!(check_fragment(&file, root).is_empty());
    let (file, root) = TomlFile::parse("devices.toml", &(SECTION.to_owned() + &text), 10_000).unwrap();
    assert!(check_fragment(&file, root).to_string().contains("[southbound] stands only in the main file"));
}

#[cfg(feature = "dnp3")]
#[test]
fn outstations_over_tls_have_a_name_and_an_authority_and_no_pin() {
    let folder = folder(&Sheet::gateway("GridServiceSunSpec"));
    let text = [
        SECTION.to_owned(),
        device("a", "dnp3+tls://192.0.2.1?outstation=10", ""),
        device("b", "dnp3+tls://192.0.2.2?outstation=10&second=192.0.2.3", "server_name = \"rtu-2\"\n"),
        device("c", "dnp3+tls://192.0.2.4?outstation=10&second=192.0.2.5", ""),
    ];
    let config = load_in(folder.path(), &text.concat()).unwrap();
    assert!(config.devices.iter().all(|device| device.tls.is_some() && !device.map_named));
    let remarks = config.remarks.to_string();
    let warning =
        "gateway.toml:16:8: warning: both end points have to show a certificate for the name \"192.0.2.4\"";
    assert!(remarks.contains(warning) && !remarks.contains("gateway.toml:12"), "{remarks}");
    let text = [
        SECTION.to_owned(),
        device("a", "dnp3+tls://192.0.2.1?outstation=10&second=192.0.2.2", "server_name = \"rtu-1\"\n"),
        device("b", "dnp3+tls://192.0.2.1?outstation=11&second=192.0.2.2", "server_name = \"rtu-2\"\n"),
        device("c", "dnp3+tls://192.0.2.3", &format!("pinned_sha256 = \"{}\"\n", "ab".repeat(32))),
    ];
    let faults = load_in(folder.path(), &text.concat()).unwrap_err();
    let starts = [
        "gateway.toml:13:8: this device shares its connection with the one at line 9; give both the same server_name",
        "gateway.toml:18:17: pinned_sha256 is for modbus+tls; over dnp3+tls a device is known by its authority",
    ];
    assert_eq!(faults.lines().count(), starts.len(), "{faults}");
    for (line, start) in faults.lines().zip(starts) {
        assert!(line.starts_with(start), "{line}\n{start}");
    }
    let lacking = load_in(folder.path(), &device("a", "dnp3+tls://192.0.2.1", "")).unwrap_err();
    assert!(lacking.starts_with("gateway.toml:5:8: a dnp3+tls link needs a certificate"), "{lacking}");
}

/// The role is in the certificate for SunSpec devices.
#[cfg(feature = "dnp3")]
#[test]
fn a_role_that_no_device_looks_at_is_not_missed() {
    let folder = folder(&Sheet { roles: vec![], ..Sheet::gateway("") });
    let remarks = |devices: &[String]| {
        load_in(folder.path(), &(SECTION.to_owned() + &devices.concat())).unwrap().remarks.to_string()
    };
    let (outstation, inverter) =
        (device("a", "dnp3+tls://192.0.2.1", ""), device("b", "modbus+tls://192.0.2.2", ""));
    assert_eq!(remarks(std::slice::from_ref(&outstation)), "");
    assert!(remarks(&[outstation, inverter.clone()]).contains("has no role"));
    assert!(remarks(&[inverter]).contains("has no role"));
}

/// The outstations of the example are comments, so that a program without DNP3 takes it too.
#[cfg(feature = "dnp3")]
#[test]
fn the_outstations_of_the_example_are_right_ones() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/gateway.toml");
    let example = std::fs::read_to_string(example).unwrap();
    let (_, from) = example.split_once("\n# DNP3 outstations,").unwrap();
    let (block, _) = from.split_once("\n\n").unwrap();
    let lines: Vec<&str> = block.lines().filter_map(|line| line.strip_prefix("#     ")).collect();
    let folder = folder(&Sheet::gateway("GridServiceSunSpec"));
    let config = load_in(folder.path(), &(SECTION.to_owned() + &lines.join("\n"))).unwrap();
    let seen: Vec<String> = config.devices.iter().map(|device| device.link.to_string()).collect();
    assert_eq!(
        seen,
        [
            "dnp3+tcp://192.0.2.31:20000?outstation=10&master=1&second=192.0.2.32:20000",
            "dnp3+tls://192.0.2.33:20000?outstation=10&master=1",
            "dnp3+serial:///dev/ttyS0?baud=9600&parity=none&outstation=10&master=1"
        ]
    );
    assert!(config.devices[1].tls.is_some());
}
