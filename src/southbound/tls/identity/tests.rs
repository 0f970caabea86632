use super::*;
use crate::southbound::tls::testing::{Authority, Issued, Sheet, save, self_signed, utf8};
use proptest::prelude::*;
use rcgen::ExtendedKeyUsagePurpose;
use rustls::pki_types::pem::PemObject as _;
use std::path::Path;

/// The files of an identity in a folder: a right certificate by its own authority, and another for devices.
fn right(folder: &Path) -> (Authority, Paths) {
    let own = Authority::new("utility CA");
    let (certificate, private_key) = own.issue(&Sheet::gateway("GridServiceSunSpec")).save(folder, "gateway");
    let authorities = save(folder, "device-ca.pem", &Authority::new("device CA").pem);
    (own, Paths { certificate, private_key, authorities })
}

/// What is found, by file name and without the folder; the role note is left out.
fn found(paths: &Paths) -> (bool, String) {
    let (identity, findings) = Identity::load(paths, Timestamp::now());
    let folder = format!("{}/", paths.authorities.parent().unwrap().display());
    let lines: Vec<String> = findings
        .iter()
        .filter(|f| f.severity != Severity::Note)
        .map(|f| format!("{:?} {:?} {}", f.which, f.severity, f.words.replace(&folder, "")))
        .collect();
    (identity.is_some(), lines.join("\n"))
}

fn with(certificate: impl FnOnce(&Authority) -> Issued) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let (own, paths) = right(folder.path());
    certificate(&own).save(folder.path(), "gateway");
    found(&paths)
}

#[test]
fn right_files_have_nothing_wrong_and_their_role_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (_, paths) = right(folder.path());
    let (identity, findings) = Identity::load(&paths, Timestamp::now());
    let identity = identity.unwrap();
    assert_eq!(identity.role().name(), Some("GridServiceSunSpec"));
    let [note] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!(note.severity, Severity::Note);
    assert!(note.words.contains("shown to devices as GridServiceSunSpec"), "{}", note.words);
}

#[test]
fn every_wrong_certificate_says_what_is_wrong() {
    let good = Sheet::gateway("GridServiceSunSpec");
    let year = i32::from(Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).year());
    let soon =
        Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date() + jiff::SignedDuration::from_hours(240);
    let soon = (i32::from(soon.year()), soon.month().unsigned_abs(), soon.day().unsigned_abs());
    let cases: Vec<(Sheet, bool, &str)> = vec![
        (Sheet { until: (2021, 2, 3), ..good.clone() }, true, "expired at 2021-02-03T00:00:00Z; renew it"),
        (Sheet { from: (year + 2, 1, 1), ..good.clone() }, true, "is valid only from"),
        (
            Sheet { until: soon, ..good.clone() },
            true,
            "Certificate Warning gateway.pem: \"CN=gateway\" expires in ",
        ),
        (
            Sheet { usage: Some(ExtendedKeyUsagePurpose::ServerAuth), ..good.clone() },
            false,
            "is not for clients",
        ),
        (
            Sheet { usage: None, ..good.clone() },
            true,
            "Warning gateway.pem: \"CN=gateway\" has no extended key usage",
        ),
        (
            Sheet { roles: vec![], ..good.clone() },
            true,
            "has no role, SunSpec devices will refuse every request: the extension 1.3.6.1.4.1.50316.802.1 is not in it",
        ),
        (Sheet { roles: vec![utf8("a"), utf8("b")], ..good.clone() }, true, "is in it more than once"),
        (
            Sheet { roles: vec![b"\x13\x04Grid".to_vec()], ..good.clone() },
            true,
            "is a PrintableString, it must be a UTF8String",
        ),
        (Sheet { roles: vec![b"GridServiceSunSpec".to_vec()], ..good.clone() }, true, "is bare text"),
        (
            Sheet { roles: vec![utf8("gridServiceSunSpec")], ..good },
            true,
            "the role \"gridServiceSunSpec\" is none that SunSpec knows; it knows ReadOnlySunSpec, ",
        ),
    ];
    for (sheet, usable, words) in cases {
        let (loaded, lines) = with(|own| own.issue(&sheet));
        assert!(lines.contains(words), "{words}\n{lines}");
        assert_eq!(loaded, usable, "{lines}");
        assert_eq!(lines.lines().count(), 1, "{lines}");
    }
}

#[test]
fn chains_are_in_order_whole_and_signed() {
    let sheet = Sheet::gateway("GridServiceSunSpec");
    let (loaded, lines) = with(|own| {
        let issued = own.issue(&sheet);
        Issued { chain: format!("{}{}", own.pem, issued.leaf), ..issued }
    });
    assert!(
        !loaded && lines.contains("certificate 2 (\"CN=gateway\") is not the issuer of certificate 1"),
        "{lines}"
    );
    let (loaded, lines) = with(|own| {
        let issued = own.issue(&sheet);
        Issued { chain: issued.leaf.clone(), ..issued }
    });
    assert!(loaded && lines.contains("the chain ends with \"CN=gateway\"; add \"CN=utility CA\""), "{lines}");
    let (loaded, lines) = with(|own| {
        let issued = Authority::new("utility CA").issue(&sheet);
        Issued { chain: format!("{}{}", issued.leaf, own.pem), ..issued }
    });
    assert!(!loaded && lines.contains("gateway.pem: the chain does not hold: "), "{lines}");
    let (loaded, lines) = with(|_| self_signed(&sheet));
    assert!(loaded && lines.contains("\"CN=gateway\" is self-signed; "), "{lines}");
}

#[test]
fn files_that_are_missing_mixed_up_or_open_to_all_are_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let (own, paths) = right(folder.path());
    let issued = own.issue(&Sheet::gateway("GridServiceSunSpec"));
    save(folder.path(), "gateway.key", &issued.key);
    let (loaded, lines) = found(&paths);
    assert!(!loaded, "{lines}");
    assert_eq!(
        lines,
        "PrivateKey Fault gateway.key: this is not the key of the first certificate in gateway.pem (CN=gateway)"
    );
    issued.save(folder.path(), "gateway");
    std::fs::set_permissions(&paths.private_key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (loaded, lines) = found(&paths);
    assert!(
        loaded
            && lines
                .contains("PrivateKey Warning gateway.key: others have access to the private key (mode 644)"),
        "{lines}"
    );

    let swapped = Paths {
        certificate: paths.private_key.clone(),
        private_key: paths.certificate.clone(),
        authorities: folder.path().to_owned(),
    };
    let (_, lines) = found(&Paths { authorities: paths.authorities.clone(), ..swapped });
    assert!(lines.contains("Certificate Fault gateway.key: no certificate in it"), "{lines}");
    assert!(lines.contains("PrivateKey Fault gateway.pem: no private key in it"), "{lines}");
    save(
        folder.path(),
        "gateway.key",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    assert!(found(&paths).1.contains("the key is encrypted"), "{}", found(&paths).1);
    std::fs::remove_file(&paths.authorities).unwrap();
    assert!(found(&paths).1.contains("Authorities Fault device-ca.pem: there is no such file"));
    save(folder.path(), "device-ca.pem", &issued.leaf);
    assert!(found(&paths).1.contains("is not the certificate of an authority"));
}

#[test]
fn devices_of_the_same_settings_share_one_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let (_, paths) = right(folder.path());
    let identity = Identity::load(&paths, Timestamp::now()).0.unwrap();
    let pin = Fingerprint::parse(&"ab".repeat(32));
    let (a, b) = (identity.client("a", None).unwrap(), identity.client("a", None).unwrap());
    let (c, d) = (identity.client("a", pin).unwrap(), identity.client("b", pin).unwrap());
    assert_eq!(a, b);
    assert!(a != c && c != d);
    assert!(identity.client("not a name", None).unwrap_err().to_string().contains("cannot be the name"));
    assert_eq!(identity.pinned.lock().unwrap().len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn junk_in_the_files_is_a_finding_and_no_panic(
        body in "[A-Za-z0-9+/=\n -]{0,200}",
        label in prop::sample::select(vec!["CERTIFICATE", "PRIVATE KEY", "EC PRIVATE KEY", "X"]),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
        let file = save(folder.path(), "junk.pem", &text);
        let paths = Paths { certificate: file.clone(), private_key: file.clone(), authorities: file };
        let (identity, findings) = Identity::load(&paths, Timestamp::now());
        prop_assert!(identity.is_none() && !findings.is_empty());
    }
}

#[test]
fn the_private_key_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (_, paths) = right(folder.path());
    let pem = std::fs::read_to_string(&paths.private_key).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let identity = Identity::load(&paths, Timestamp::now()).0.unwrap();
    let client = identity.client("inverter", Some(Fingerprint::of(&vec![7; 3].into()))).unwrap();
    let broken = save(folder.path(), "broken.key", &pem.replacen(body.get(..8).unwrap(), "", 1));
    let (_, findings) = Identity::load(&Paths { private_key: broken, ..paths }, Timestamp::now());
    assert!(findings.iter().any(|f| f.which == Which::PrivateKey), "{findings:?}");
    let shown = format!("{identity:?} {client:?} {findings:?}");
    for (place, _) in body.char_indices().step_by(12) {
        let Some(piece) = body.get(place..place + 12) else { break };
        assert!(!shown.contains(piece), "{shown}");
    }
    // Nor as numbers: debug output of bytes.
    let der = rustls::pki_types::PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    for bytes in der.secret_der().chunks_exact(16) {
        let numbers = format!("{bytes:?}");
        assert!(!shown.contains(numbers.trim_matches(['[', ']'])), "{shown}");
    }
}
