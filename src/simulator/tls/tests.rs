use super::*;
use crate::simulator::Kind;

const ROLES: [Role; 5] =
    [Role::Nobody, Role::ReadOnly, Role::GridService, Role::NetworkAdministrator, Role::SuperAdministrator];

fn form(kind: Kind) -> Form {
    Form::new(kind, kind.models(), 1, &|id| models().get(id)).unwrap()
}

/// The place of a point from the base.
fn place(form: &Form, id: u16, name: &str) -> u16 {
    let mut at = 2;
    loop {
        let (found, length) = (form.blank[at], form.blank[at + 1]);
        if found == id {
            let layout = Layout::new(&models().get(id).unwrap(), length, &|_| None);
            let point = layout.points.iter().find(|p| p.path == name).unwrap();
            return u16::try_from(at).unwrap() + point.offset;
        }
        assert_ne!(found, 0xFFFF, "no model {id}");
        at += 2 + usize::from(length);
    }
}

fn write(address: u16, count: u16) -> Vec<u8> {
    let ([a1, a0], [c1, c0]) = (address.to_be_bytes(), count.to_be_bytes());
    vec![16, a1, a0, c1, c0, 0]
}

#[test]
fn each_role_writes_what_the_table_of_rights_says() {
    let form = form(Kind::Pv700);
    let rights = Rights::of(&form);
    for (id, name, writers) in [
        (1, "DA", [false, false, false, true, true]),
        (1, "Mn", [false, false, false, false, true]),
        (702, "WMax", [false, false, true, false, true]),
        (702, "VNom", [false, false, false, false, true]),
        (702, "VMax", [false, false, false, false, true]),
        (703, "ES", [false, false, true, false, true]),
        (704, "WMaxLimPct", [false, false, true, false, true]),
        (701, "W", [false, false, false, false, true]),
    ] {
        let address = 40000 + place(&form, id, name);
        for (role, may) in ROLES.into_iter().zip(writers) {
            assert_eq!(rights.permit(role, &write(address, 1), 40000), may, "{role:?} {id}.{name}");
            let [a1, a0] = address.to_be_bytes();
            assert_eq!(rights.permit(role, &[6, a1, a0, 0, 1], 40000), may, "{role:?} {id}.{name} FC 6");
        }
    }
    let legacy = self::form(Kind::Storage);
    let rights = Rights::of(&legacy);
    for (id, name) in [(121, "WMax"), (123, "WMaxLimPct"), (124, "WChaMax")] {
        let address = 40000 + place(&legacy, id, name);
        assert!(rights.permit(Role::GridService, &write(address, 1), 40000), "{id}.{name}");
        assert!(!rights.permit(Role::ReadOnly, &write(address, 1), 40000), "{id}.{name}");
    }
}

#[test]
fn a_write_that_runs_past_what_the_role_may_is_refused_whole() {
    // 704 stands last.
    let form = Form::new(Kind::Pv700, &[1, 701, 702, 703, 704], 1, &|id| models().get(id)).unwrap();
    let rights = Rights::of(&form);
    let end = form.blank.len() - 2;
    let last = 40000 + u16::try_from(end).unwrap() - 1;
    assert!(rights.permit(Role::GridService, &write(last, 1), 40000));
    assert!(!rights.permit(Role::GridService, &write(last, 2), 40000), "into the end model");
    assert!(!rights.permit(Role::GridService, &write(10, 1), 40000), "below the base");
    assert!(!rights.permit(Role::GridService, &write(65535, 65535), 40000));
}

#[test]
fn every_role_reads_and_nobody_does_not() {
    let rights = Rights::of(&form(Kind::Pv));
    for role in ROLES {
        assert_eq!(rights.permit(role, &[3, 0x9C, 0x40, 0, 2], 40000), role != Role::Nobody);
    }
}
