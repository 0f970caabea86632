use super::*;

fn args(northbound: SocketAddr, admin: SocketAddr, data_dir: &Path) -> Args {
    Args { sunspec: 4, dnp3: Some(0), northbound, admin, data_dir: Some(data_dir.to_owned()), run_for: None }
}

#[tokio::test]
async fn a_busy_port_is_told_with_its_option() {
    let (busy, folder) = (std::net::TcpListener::bind("127.0.0.1:0").unwrap(), tempfile::tempdir().unwrap());
    let (busy, any) = (busy.local_addr().map(|a| (a, busy)).unwrap(), "127.0.0.1:0".parse().unwrap());
    for (option, args) in [
        ("use --northbound ADDR", args(busy.0, any, folder.path())),
        ("use --admin ADDR", args(any, busy.0, folder.path())),
    ] {
        let said = run(args, &mut Vec::new(), CancellationToken::new()).await.unwrap_err();
        let said = format!("{said:#}");
        assert!(said.contains(option) && !said.contains("[northbound]"), "{said}");
    }
}

#[tokio::test]
async fn it_listens_on_loopback_only() {
    let folder = tempfile::tempdir().unwrap();
    let (any, wide) = ("127.0.0.1:0".parse().unwrap(), "0.0.0.0:8061".parse().unwrap());
    for (northbound, admin) in [(wide, any), (any, wide)] {
        let end =
            run(args(northbound, admin, folder.path()), &mut Vec::new(), CancellationToken::new()).await;
        let told = "the demo listens on loopback only";
        assert!(matches!(end.unwrap(), End::Usage(words) if words.starts_with(told)));
    }
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing was begun");
}

#[test]
fn outstations_are_there_by_default_if_they_are_spoken_to() {
    let any = "127.0.0.1:0".parse().unwrap();
    let mut args = Args { dnp3: None, ..args(any, any, Path::new("x")) };
    assert_eq!((outstations(&args, true), outstations(&args, false)), (6, 0));
    assert_eq!(not_spoken(&args, false), None);
    args.dnp3 = Some(3);
    assert_eq!(outstations(&args, true), 3);
    assert_eq!(not_spoken(&args, true), None);
    assert!(not_spoken(&args, false).unwrap().contains("built without DNP3"));
}

/// Acceptance: each group has members of both kinds as soon as it can.
#[tokio::test]
async fn groups_mix_what_is_behind_them() {
    if !SPEAKS_DNP3 {
        return;
    }
    let plant = Plant::start(simulator::demo_plant(12, 6, None)).await.unwrap();
    let any = "127.0.0.1:0".parse().unwrap();
    let text = gateway_toml(&args(any, any, Path::new("x")), Path::new("x"), &plant);
    assert_eq!(text.matches("link = \"dnp3+tcp://").count(), 6, "{text}");
    for group in text.split("[[group]]").skip(1) {
        let mixed = [true, false].map(|kind| {
            let mut of_kind = plant.devices().iter().filter(|d| d.is_outstation() == kind);
            of_kind.any(|device| group.contains(&format!("\"{}\"", device.name())))
        });
        assert_eq!(mixed, [true, true], "{group}");
    }
    plant.stop().await;
}

#[test]
fn somebody_elses_gateway_toml_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    assert!(!belongs_to_somebody(&file), "none yet");
    std::fs::write(&file, "[gateway]\nname = \"substation-12\"\n").unwrap();
    assert!(belongs_to_somebody(&file));
    std::fs::write(&file, format!("{WRITTEN_BY}\n[gateway]\n")).unwrap();
    assert!(!belongs_to_somebody(&file), "its own from the last time");
}

#[test]
fn how_far_it_is_off_is_said_only_as_far_as_it_is_known() {
    assert_eq!(off_by(Some(119_980.0), Some(120_000.0)), "0.0 %");
    assert_eq!(off_by(Some(-9_000.0), Some(-10_000.0)), "+10.0 %");
    assert_eq!(off_by(Some(250.0), Some(0.0)), "250 W", "nothing is asked: hundredths of it say nothing");
    assert_eq!(off_by(None, Some(1000.0)), "?");
}

#[test]
fn the_live_table_names_the_first_devices_in_trouble() {
    let device = |n: usize| {
        std::sync::Arc::new(crate::core::service::DeviceView {
            mrid: crate::der::Mrid::parse(&format!("D-{n}")).unwrap(),
            name: format!("PV-{n}"),
            link: "".into(),
            map: None,
            state: if n == 0 { DeviceState::Online } else { DeviceState::CommLost },
            reason: if n == 0 { String::new() } else { "no answer\u{1b} ".repeat(20) },
            since: None,
            nameplate: None,
            capability: None,
            effect: None,
            sequence: std::sync::Arc::default(),
            events_left_out: 0,
            readings: Vec::new(),
        })
    };
    let devices = std::sync::Arc::new((0..9).map(device).collect());
    let text = live_table(&Snapshot { devices, ..Snapshot::default() }).unwrap();
    assert!(text.contains("\ndevices: 9 (1 online, 8 comm_lost)\n  PV-1 comm_lost: no answer"), "{text}");
    assert!(text.ends_with("\n  3 more; `dergate status` lists them\n"), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "a line that wraps spoils the next drawing: {text}"
    );
    assert!(!text.contains('\u{1b}'), "{text}");
}
