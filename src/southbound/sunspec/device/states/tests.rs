use super::*;

#[test]
fn models_with_the_same_fault_are_told_together() {
    assert_eq!(unreadable(&[103], "busy"), "model 103 cannot be read: busy");
    assert_eq!(unreadable(&[103, 122, 123], "busy"), "models 103, 122 and 123 cannot be read: busy");
    assert_eq!(unreadable(&[160, 160], "busy"), "model 160 cannot be read: busy");
}

#[test]
fn sleep_that_was_noted_long_ago_is_not_believed() {
    let noted = |ago: Duration| {
        let text = "sunspec 1\nbase 0\nmax_read 60\nchain 1:66\n";
        let asleep = Some(Timestamp::now() - ago);
        Rest::of(Some(&Notes { asleep, ..Notes::parse(text).unwrap() })).quiet
    };
    assert_eq!(noted(NIGHT / 2), Some(true));
    assert_eq!(noted(NIGHT * 2), None);
    assert_eq!(Rest::of(None).quiet, None);
}
