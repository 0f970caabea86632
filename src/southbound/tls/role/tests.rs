use super::*;
use proptest::prelude::*;

fn one(value: &[u8]) -> Role {
    Role::of(std::iter::once(value))
}

fn der(tag: u8, text: &str) -> Vec<u8> {
    let mut bytes = vec![tag, u8::try_from(text.len()).unwrap()];
    bytes.extend(text.as_bytes());
    bytes
}

#[test]
fn exactly_one_utf8_string_is_a_role() {
    for name in KNOWN {
        assert_eq!(one(&der(0x0C, name)), Role::Named(name.to_owned()));
        assert!(one(&der(0x0C, name)).is_known());
    }
    assert!(!one(&der(0x0C, "gridservicesunspec")).is_known(), "case matters");
    let long = "r".repeat(128);
    let mut bytes = vec![0x0C, 0x81, 0x80];
    bytes.extend(long.as_bytes());
    assert_eq!(one(&bytes), Role::Named(long));
}

#[test]
fn what_is_no_role_says_why() {
    let good = der(0x0C, "GridServiceSunSpec");
    assert_eq!(Role::of([].into_iter()), Role::Missing(NoRole::Absent));
    assert_eq!(Role::of([&good[..], &good[..]].into_iter()), Role::Missing(NoRole::Doubled));
    assert_eq!(one(&der(0x13, "GridServiceSunSpec")), Role::Missing(NoRole::OtherType(0x13)));
    assert_eq!(one(b"GridServiceSunSpec"), Role::Missing(NoRole::Bare));
    let twice = [good.clone(), good.clone()].concat();
    for wrong in [
        &twice[..],
        &good[..good.len() - 1],
        &[],
        &[0x0C],
        &[0x0C, 0],
        &[0x0C, 0x81, 1, b'r'],
        &[0x0C, 1, 0xFF],
    ] {
        assert_eq!(one(wrong), Role::Missing(NoRole::Malformed), "{wrong:?}");
    }
}

#[test]
fn what_a_role_may_not_do_is_said_in_words() {
    let role = one(&der(0x0C, "ReadOnlySunSpec"));
    assert_eq!(
        role.may_not("write 715.OpCtl"),
        "client certificate role ReadOnlySunSpec may not write 715.OpCtl"
    );
    let none = Role::Missing(NoRole::Absent).may_not("write 704.WMaxLimPct");
    assert!(
        none.starts_with("the client certificate has no role, so it may not write 704.WMaxLimPct"),
        "{none}"
    );
}

proptest! {
    #[test]
    fn junk_is_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let role = one(&bytes);
        let _ = (role.to_string(), role.may_not("write"));
    }
}
