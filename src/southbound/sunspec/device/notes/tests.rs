use super::*;
use proptest::prelude::*;

fn chain(ids: &[&[(u16, u16)]]) -> Chain {
    let mut address = 40002;
    let mut devices: Vec<Vec<ModelAt>> = Vec::new();
    for device in ids {
        let mut models: Vec<ModelAt> = Vec::new();
        for (id, length) in *device {
            let instance = u16::try_from(models.iter().filter(|m| m.id == *id).count()).unwrap();
            models.push(ModelAt { id: *id, instance, address, length: *length });
            address += 2 + length;
        }
        devices.push(models);
    }
    let models = devices.remove(0);
    Chain { base: 40000, models, others: devices, warnings: vec![], complete: true }
}

#[test]
fn notes_are_read_as_they_were_written() {
    let notes = Notes {
        chain: chain(&[&[(1, 66), (103, 50), (160, 48), (160, 48)], &[(1, 65), (203, 105)]]),
        version: Some("1.2 b".into()),
        max_read: 60,
        energy: Some(122),
        ours: Ours { limit: true, grid_charge: true, ..Ours::default() },
        beside: "connect,limit_active_power".into(),
        asleep: Some(jiff::Timestamp::UNIX_EPOCH),
    };
    assert_eq!(Notes::parse(&notes.text().unwrap()), Some(notes.clone()));
    let bare = Notes {
        version: None,
        energy: None,
        ours: Ours::default(),
        beside: String::new(),
        asleep: None,
        chain: chain(&[&[(1, 66)]]),
        ..notes
    };
    assert_eq!(bare.text().unwrap(), "sunspec 1\nbase 40000\nmax_read 60\nchain 1:66\n");
    assert_eq!(Notes::parse(&bare.text().unwrap()), Some(bare));
}

#[test]
fn what_is_not_quite_a_note_is_none() {
    for text in [
        "",
        "sunspec 2\nbase 0\nmax_read 60\nchain 1:66\n",
        "sunspec 1\nmax_read 60\nchain 1:66\n",
        "sunspec 1\nbase 0\nchain 1:66\n",
        "sunspec 1\nbase 0\nmax_read 60\n",
        "sunspec 1\nbase 0\nmax_read 126\nchain 1:66\n",
        "sunspec 1\nbase 0\nmax_read 60\nchain \n",
        "sunspec 1\nbase 0\nmax_read 60\nchain 1:66 2\n",
        "sunspec 1\nbase 60000\nmax_read 60\nchain 1:66 103:6000\n",
        "sunspec 1\nbase 0\nmax_read 60\nchain 1:66\nother x\n",
    ] {
        assert_eq!(Notes::parse(text), None, "{text}");
    }
    let many = "1:1 ".repeat(201);
    assert_eq!(Notes::parse(&format!("sunspec 1\nbase 0\nmax_read 60\nchain {}\n", many.trim())), None);
}

proptest! {
    #[test]
    fn any_text_is_survived(text in "(sunspec 1\n)?((base|max_read|chain|version|energy|ours|beside) [0-9: a-z_]{0,40}\n){0,8}") {
        let _ = Notes::parse(&text);
    }
}
