use super::*;
use crate::southbound::tls::testing::{Authority, Sheet, save};
use clap::Parser;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    tls: TlsArgs,
}

fn client(arguments: &[&str], link: &str) -> Result<(Option<Client>, Vec<String>), String> {
    let line = Line::try_parse_from(std::iter::once("x").chain(arguments.iter().copied())).unwrap();
    line.tls.client(&Link::parse(link).unwrap())
}

#[test]
fn the_flags_are_asked_for_where_they_are_needed_and_nowhere_else() {
    assert!(client(&[], "modbus+tcp://h").unwrap().0.is_none());
    assert!(client(&["--server-name", "a"], "modbus+tcp://h").unwrap_err().contains("modbus+tls://"));
    assert!(client(&[], "modbus+tls://h").unwrap_err().contains("--tls-certificate FILE"));
}

#[cfg(feature = "dnp3")]
#[test]
fn an_outstation_is_asked_for_the_flags_that_it_can_use() {
    assert!(client(&[], "dnp3+tls://h").unwrap_err().contains("--tls-certificate FILE"));
    assert!(client(&["--server-name", "a"], "dnp3+tcp://h").unwrap_err().contains("dnp3+tls://"));
    let pinned = client(&["--pinned-sha256", &"0".repeat(64)], "dnp3+tls://h").unwrap_err();
    assert!(pinned.starts_with("--pinned-sha256 is for modbus+tls links"), "{pinned}");
}

#[test]
fn files_become_a_client_and_their_warnings_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let sheet = Sheet { roles: vec![], ..Sheet::gateway("") };
    let (certificate, key) = Authority::new("utility CA").issue(&sheet).save(folder.path(), "gateway");
    let authorities = save(folder.path(), "ca.pem", &Authority::new("device CA").pem);
    let [certificate, key, authorities] = [certificate, key, authorities].map(|p| p.display().to_string());
    let files =
        ["--tls-certificate", &certificate, "--tls-private-key", &key, "--tls-authorities", &authorities];
    let (found, warnings) = client(&files, "modbus+tls://192.0.2.7").unwrap();
    assert!(found.is_some());
    assert!(warnings.len() == 1 && warnings[0].contains("has no role"), "{warnings:?}");
    #[cfg(feature = "dnp3")]
    {
        let (_, warnings) = client(&files, "dnp3+tls://192.0.2.7").unwrap();
        assert!(warnings.is_empty(), "an outstation looks at no role: {warnings:?}");
    }
    let pinned = [&files[..], &["--pinned-sha256", "12"]].concat();
    assert!(client(&pinned, "modbus+tls://h").unwrap_err().contains("64 hexadecimal digits"));
    let swapped =
        ["--tls-certificate", &key, "--tls-private-key", &certificate, "--tls-authorities", &authorities];
    assert_eq!(client(&swapped, "modbus+tls://h").unwrap_err().lines().count(), 2);
}
