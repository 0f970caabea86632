use super::*;
use crate::southbound::tls::testing::{Authority, Sheet};
use proptest::prelude::*;

#[test]
fn a_certificate_is_read_with_its_names_role_and_uses() {
    let authority = Authority::new("field CA");
    let mut sheet = Sheet::gateway("GridServiceSunSpec");
    sheet.names = vec!["gateway.local", "192.0.2.7", "2001:db8::7"];
    let issued = authority.issue(&sheet);
    let summary = Summary::of(&CertificateDer::from(issued.der)).unwrap();
    assert!(summary.subject.contains("CN=gateway") && summary.issuer.contains("CN=field CA"), "{summary:?}");
    assert_eq!(summary.names_shown(), "DNS gateway.local, IP 192.0.2.7, IP 2001:db8::7");
    assert_eq!(summary.role.name(), Some("GridServiceSunSpec"));
    assert_eq!((summary.client_auth, summary.is_ca, summary.is_self_issued()), (Some(true), false, false));
    assert_eq!(summary.not_before.to_string(), "2020-01-01T00:00:00Z");
}

#[test]
fn a_fingerprint_is_what_openssl_shows() {
    // printf abc | sha256sum
    let abc = Fingerprint::of(&CertificateDer::from(b"abc".to_vec()));
    let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(abc.to_string(), text);
    let colons =
        "BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD";
    assert_eq!((Fingerprint::parse(text), Fingerprint::parse(colons)), (Some(abc), Some(abc)));
    let (short, wrong) = (text.get(1..).unwrap(), text.replace('b', "g"));
    for text in ["", "ba78", short, wrong.as_str(), "é"] {
        assert_eq!(Fingerprint::parse(text), None, "{text}");
    }
}

#[test]
fn what_a_device_writes_into_its_certificate_stays_on_one_short_line() {
    assert_eq!(shown("a\n\u{1b}[2Jb"), "a\u{FFFD}\u{FFFD}[2Jb");
    assert_eq!(shown(&"x".repeat(5000)).chars().count(), MAX_SHOWN + 1);
}

proptest! {
    #[test]
    fn junk_is_no_certificate_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(Summary::of(&CertificateDer::from(bytes)).is_none());
    }

    #[test]
    fn a_damaged_certificate_is_no_panic(place in 0_usize..800, bit in 0_u8..8, cut in 0_usize..800) {
        static GOOD: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let good = GOOD.get_or_init(|| Authority::new("a").issue(&Sheet::gateway("GridServiceSunSpec")).der);
        let mut bytes = good.clone();
        if let Some(byte) = bytes.get_mut(place) {
            *byte ^= 1 << bit;
        }
        let _ = Summary::of(&CertificateDer::from(bytes.clone())).map(|s| format!("{s:?} {}", s.names_shown()));
        bytes.truncate(cut);
        prop_assert!(cut >= good.len() || Summary::of(&CertificateDer::from(bytes)).is_none());
    }

    #[test]
    fn any_text_is_a_fingerprint_or_not(text in ".{0,100}") {
        let _ = Fingerprint::parse(&text);
    }
}
