use super::*;

fn parse(text: &str) -> Result<PlantSettings, Faults> {
    let (file, root) = TomlFile::parse("plant.toml", text, MAX_BYTES)?;
    plant_of_table(&file, root)
}

#[test]
fn a_whole_entry_is_read() {
    let plant = parse(
        "
[control]
listen = \"127.0.0.1:8063\"
[[sunspec]]
name = \"B\"
mrid = \"1b6f3c90-84aa-4f2d-b7c5-90e1a2d3f401\"
kind = \"storage-700\"
rated_w = 5000
energy_wh = 12000.5
soc = 30
automatic_w = -100
listen = \"127.0.0.1:5021\"
unit = 126
base = 50000
ramp_percent_per_s = 5
return_delay = \"5s\"
faults = [\"slow:200\", \"silent_ignore\"]
",
    )
    .unwrap();
    let device = &plant.devices[0];
    assert_eq!(plant.control, Some("127.0.0.1:8063".parse().unwrap()));
    assert_eq!((device.kind, device.unit, device.base), (Kind::Storage700, 126, 50000));
    assert_eq!((device.rated.get(), device.energy.get(), device.soc.get()), (5_000.0, 12_000.5, 30.0));
    assert_eq!((device.automatic.get(), device.ramp_percent_per_s), (-100.0, 5.0));
    assert_eq!(device.faults, [Fault::Slow(Duration::from_millis(200)), Fault::SilentIgnore]);
    assert_eq!((device.return_delay, device.listen.port()), (Duration::from_secs(5), 5021));
    assert_eq!(device.mrid.as_str(), "1b6f3c90-84aa-4f2d-b7c5-90e1a2d3f401");
}

#[test]
fn a_device_over_tls_names_its_files_and_a_wrong_one_is_a_fault_at_its_key() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap().pem();
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("d.pem", &certificate), ("d.key", &key.serialize_pem()), ("ca.pem", &certificate)] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let path = folder.path().join("plant.toml");
    let load = |more: &str| {
        std::fs::write(&path, format!("[[sunspec]]\nname = \"T\"\nkind = \"pv\"\n{more}")).unwrap();
        load_plant(&path)
            .map_err(|faults| faults.to_string().replace(&format!("{}/", folder.path().display()), ""))
    };
    let whole = "tls_certificate = \"d.pem\"\ntls_private_key = \"d.key\"\ntls_authorities = \"ca.pem\"\n";
    let plant = load(&format!("{whole}tls_version = \"1.2\"\n")).unwrap();
    let tls = plant.devices[0].tls.as_ref().unwrap();
    assert_eq!((tls.certificate.clone(), tls.only), (folder.path().join("d.pem"), Some(TlsVersion::Tls12)));
    let text = whole.replace("d.key", "gone.key");
    assert!(
        load(&text).unwrap_err().starts_with("plant.toml:5:19: gone.key: "),
        "{}",
        load(&text).unwrap_err()
    );
    let text = whole.replace("\"ca.pem\"", "\"d.key\"");
    assert_eq!(load(&text).unwrap_err(), "plant.toml:6:19: d.key: no certificate in it");
    assert_eq!(load("tls_certificate = \"d.pem\"\n").unwrap_err().lines().count(), 2);
    assert!(load("tls_version = \"1.3\"\n").unwrap_err().contains("tls_version is for a device over TLS"));
    if cfg!(feature = "dnp3") {
        let at = |number: u16, more: &str| {
            format!(
                "[[dnp3]]\nname = \"D{number}\"\nkind = \"pv\"\nlisten = \"127.0.0.1:20000\"\noutstation = {number}\n{more}"
            )
        };
        assert!(load(&(at(10, whole) + &at(11, whole))).is_ok());
        let why = load(&(at(10, whole) + &at(11, ""))).unwrap_err();
        assert!(why.contains("the first outstation at 127.0.0.1:20000 has certificates"), "{why}");
        assert!(why.starts_with("plant.toml:15:"), "{why}");
    }
}

#[test]
fn a_count_makes_numbered_devices_on_consecutive_ports() {
    let plant =
        parse("[[sunspec]]\nname = \"R\"\nkind = \"pv\"\ncount = 3\nlisten = \"127.0.0.1:5021\"\n").unwrap();
    let seen: Vec<_> = plant.devices.iter().map(|d| (d.name.as_str(), d.listen.port())).collect();
    assert_eq!(seen, [("R-001", 5021), ("R-002", 5022), ("R-003", 5023)]);
    assert_eq!(plant.devices[1].mrid, mrid_of("R-002"));
    let free = parse("[[sunspec]]\nname = \"R\"\nkind = \"pv\"\ncount = 2\n").unwrap();
    assert_eq!(free.devices[1].listen.port(), 0);
}

#[test]
fn every_fault_is_reported_at_once_with_its_place() {
    let text = "\
[control]
listen = \"0.0.0.0:8063\"
[[sunspec]]
name = \"PV 1\"
kind = \"pw\"
rated_w = -1
[[sunspec]]
name = \"A\"
kind = \"pv\"
soc = 50
unit = 256
base = 40001
listen = \"127.0.0.1\"
irradianz = 1
[[sunspec]]
kind = \"storage\"
faults = [\"silent\", \"slow\", \"loud\"]
[[sunspec]]
name = \"C\"
kind = \"pv\"
count = 2
mrid = \"x\"
listen = \"127.0.0.1:65535\"
";
    insta::assert_snapshot!(parse(text).unwrap_err().to_string());
}

#[test]
fn what_two_devices_share_is_a_fault() {
    let text = "\
[[sunspec]]
name = \"A\"
kind = \"pv\"
listen = \"127.0.0.1:5021\"
[[sunspec]]
name = \"A\"
kind = \"pv\"
[[sunspec]]
name = \"B\"
kind = \"pv\"
listen = \"127.0.0.1:5021\"
";
    let faults = parse(text).unwrap_err().to_string();
    let lines: Vec<&str> = faults.lines().collect();
    assert_eq!(lines.len(), 2, "{faults}");
    assert!(
        lines[0].starts_with("plant.toml:6:8: \"A\" is already the name of a device (line 2)"),
        "{faults}"
    );
    assert!(
        lines[1].starts_with("plant.toml:11:10: 127.0.0.1:5021 is already taken by a device (line 4)"),
        "{faults}"
    );
}

#[test]
fn a_plant_is_not_empty_and_leaves_loopback_only_on_request() {
    assert!(parse("").unwrap_err().to_string().contains("add [[sunspec]]"));
    let open = "[[sunspec]]\nname = \"A\"\nkind = \"pv\"\nlisten = \"0.0.0.0:0\"\n";
    assert!(parse(open).unwrap_err().to_string().contains("insecure = true"));
    assert!(parse(&format!("insecure = true\n{open}")).is_ok());
}

#[test]
fn a_slip_of_the_finger_is_bounded() {
    let entry = |n| format!("[[sunspec]]\nname = \"N{n}\"\nkind = \"pv\"\ncount = 10000\n");
    let text: String = (0..3).map(entry).collect();
    assert!(parse(&text).unwrap_err().to_string().contains("more than 20000 devices"));
}

#[test]
fn devices_can_share_a_serial_port() {
    let plant = parse(
        "[[sunspec]]\nname = \"R\"\nkind = \"pv\"\ncount = 3\nunit = 5\nserial = \"/dev/pts/5\"\nbaud = 19200\nparity = \"even\"\n",
    )
    .unwrap();
    let seen: Vec<_> = plant.devices.iter().map(|d| (d.unit, d.serial.clone().unwrap())).collect();
    assert_eq!(seen.iter().map(|(unit, _)| *unit).collect::<Vec<_>>(), [5, 6, 7]);
    let place = &seen[2].1;
    assert_eq!((place.path.as_str(), place.line.baud), ("/dev/pts/5", 19200));
    assert_eq!(place.line.parity, crate::device_map::Parity::Even);
}

#[test]
fn faults_of_serial_ports_are_said() {
    let text = "\
[[sunspec]]
name = \"A\"
kind = \"pv\"
serial = \"/dev/ttyS0\"
[[sunspec]]
name = \"B\"
kind = \"pv\"
serial = \"/dev/ttyS0\"
[[sunspec]]
name = \"C\"
kind = \"pv\"
unit = 2
serial = \"/dev/ttyS0\"
baud = 19200
[[sunspec]]
name = \"D\"
kind = \"pv\"
unit = 248
serial = \"/dev/ttyS0\"
listen = \"127.0.0.1:5021\"
[[sunspec]]
name = \"E\"
kind = \"pv\"
serial = \"ttyS0\"
[[sunspec]]
name = \"F\"
kind = \"pv\"
baud = 19200
";
    insta::assert_snapshot!(parse(text).unwrap_err().to_string());
}

#[test]
fn a_device_of_many_models_names_them() {
    let plant = parse("[[sunspec]]\nname = \"M\"\nkind = \"models\"\nmodels = [1, 103, 64999]\n").unwrap();
    assert_eq!(plant.devices[0].chain(), [1, 103, 64_999]);
    let all = parse("[[sunspec]]\nname = \"M\"\nkind = \"models\"\n").unwrap();
    assert_eq!(all.devices[0].chain().len(), 112);
    let why = |text: &str| parse(text).unwrap_err().to_string();
    let pv = why("[[sunspec]]\nname = \"M\"\nkind = \"pv\"\nmodels = [1, 103]\n");
    assert!(pv.contains("write kind = \"models\""), "{pv}");
    let headless = why("[[sunspec]]\nname = \"M\"\nkind = \"models\"\nmodels = [103]\n");
    assert!(headless.contains("model 1 and up to 199 others"), "{headless}");
}

#[test]
fn registers_come_from_a_file_beside_the_plant_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("image.toml"), "[input]\n5 = [1]\n").unwrap();
    let plant = folder.path().join("plant.toml");
    let load = |text: &str| {
        std::fs::write(&plant, text).unwrap();
        load_plant(&plant)
    };
    let twin = load("[[registers]]\nname = \"T\"\nimage = \"image.toml\"\nunit = 3\nfaults = [\"slow:5\"]\n")
        .unwrap();
    let device = &twin.devices[0];
    assert_eq!((device.kind, device.unit, device.faults.len()), (Kind::Registers, 3, 1));
    assert_eq!(device.image.as_ref().unwrap().read_input(5, 1), Ok(vec![1]));
    let hybrid = load("[[sunspec]]\nname = \"H\"\nkind = \"pv\"\nimage = \"image.toml\"\n").unwrap();
    assert!(hybrid.devices[0].image.is_some());
    let why = |text: &str| load(text).unwrap_err().to_string();
    let gone = why("[[registers]]\nname = \"T\"\nimage = \"gone.toml\"\n");
    assert!(
        gone.contains("plant.toml:3:9: the image cannot be used: ") && gone.contains("gone.toml"),
        "{gone}"
    );
    let none = why("[[registers]]\nname = \"T\"\nrated_w = 5\n");
    assert!(none.contains("add image = ") && none.contains("no key \"rated_w\""), "{none}");
}

#[test]
fn the_examples_that_are_commented_out_are_right_too() {
    let text = include_str!("../../../config/plant.toml");
    let (_, others) = text.split_once("# Other kinds").unwrap();
    // The image stands in another folder than a text without a file.
    let (sunspec, _) = others.split_once("# [[registers]]").unwrap();
    let lines: Vec<&str> = sunspec.lines().skip(1).filter_map(|line| line.strip_prefix("# ")).collect();
    let plant = parse(&lines.join("\n")).unwrap();
    let kinds: Vec<Kind> = plant.devices.iter().map(|d| d.kind).collect();
    assert_eq!(kinds, [Kind::Meter, Kind::PvMeter, Kind::Models]);
    if cfg!(feature = "dnp3") {
        let (_, theirs) = text.split_once("# DNP3 outstations").unwrap();
        let (theirs, _) = theirs.split_once("# Other kinds").unwrap();
        let lines: Vec<&str> = theirs.lines().skip(1).filter_map(|line| line.strip_prefix("# ")).collect();
        let plant = parse(&lines.join("\n")).unwrap();
        assert_eq!(plant.devices.iter().filter(|d| d.outstation.is_some()).count(), 2);
    }
    let (_, list) = text.split_once("# On the wire").unwrap();
    for word in Fault::WORDS.split(", ") {
        assert!(list.contains(word) || text.contains(word), "config/plant.toml does not name {word}");
    }
}

#[cfg(feature = "dnp3")]
#[test]
fn outstations_may_share_a_socket_or_a_line_if_their_link_addresses_differ() {
    let plant = parse(
        "
[[dnp3]]
name = \"A\"
kind = \"pv\"
listen = \"127.0.0.1:20000\"
faults = [\"need_time\", \"slow:5\"]
[[dnp3]]
name = \"B\"
kind = \"storage\"
energy_wh = 5000
listen = \"127.0.0.1:20000\"
outstation = 7
master = 3
[[dnp3]]
name = \"L\"
kind = \"pv\"
serial = \"/dev/ttyS9\"
baud = 9600
count = 2
outstation = 20
",
    )
    .unwrap();
    let all = |d: &DeviceSettings| d.outstation.map(|a| (a.outstation, a.master)).unwrap();
    let addresses: Vec<_> = plant.devices.iter().map(all).collect();
    assert_eq!(addresses, [(1024, 1), (7, 3), (20, 1), (21, 1)]);
    assert_eq!(plant.devices[3].serial.as_ref().unwrap().line.baud, 9600);
    for (keys, says) in [
        (
            "kind = \"pv\"\nlisten = \"127.0.0.1:20000\"",
            "outstation 1024 at 127.0.0.1:20000 is already a device",
        ),
        ("kind = \"pv-700\"", "is not known; write \"pv\" or \"storage\""),
        ("kind = \"pv\"\nunit = 3", "has no key \"unit\""),
        ("kind = \"pv\"\noutstation = 65520", "outstation must be 0 to 65519"),
        ("kind = \"pv\"\nmaster = 1024", "have the same link address"),
        (
            "kind = \"pv\"\nserial = \"/dev/ttyS9\"\noutstation = 65519\ncount = 2",
            "the link addresses run past 65519; start lower",
        ),
        (
            "kind = \"pv\"\nserial = \"/dev/ttyS9\"\noutstation = 5\nmaster = 6\ncount = 2",
            "has the link address of its master, 6",
        ),
        (
            "kind = \"pv\"\nfaults = [\"busy:3\"]",
            "busy:3 is a fault of Modbus, but this is a DNP3 outstation",
        ),
    ] {
        let first = "[[dnp3]]\nname = \"A\"\nkind = \"pv\"\nlisten = \"127.0.0.1:20000\"\n";
        let why = parse(&format!("{first}[[dnp3]]\nname = \"X\"\n{keys}\n")).unwrap_err().to_string();
        assert!(why.contains(says), "{keys}: {why}");
    }
    let mixed = "[[sunspec]]\nname = \"M\"\nkind = \"pv\"\nserial = \"/dev/ttyS9\"\n[[dnp3]]\nname = \"X\"\nkind = \"pv\"\nserial = \"/dev/ttyS9\"\n";
    assert!(parse(mixed).unwrap_err().to_string().contains("speaks another protocol"));
    let strange = "[[sunspec]]\nname = \"M\"\nkind = \"pv\"\nfaults = [\"need_time\"]\n";
    assert!(parse(strange).unwrap_err().to_string().contains("need_time is a fault of DNP3"));
}

#[cfg(not(feature = "dnp3"))]
#[test]
fn a_program_without_dnp3_says_so() {
    let why = parse("[[dnp3]]\nname = \"A\"\nkind = \"pv\"\n").unwrap_err().to_string();
    assert!(why.contains("built without DNP3"), "{why}");
}
