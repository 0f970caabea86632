use super::*;

fn stand(name: &str, kept: bool, now: &str) -> Stand {
    Stand { name: name.to_owned(), kept, now: now.to_owned() }
}

#[test]
fn what_was_read_back_and_differs_was_changed() {
    let mut vigil = Vigil::new(true);
    assert_eq!(vigil.look(&[stand("set point", true, "60 %"), stand("mode", true, "on")]), None);
    let words = vigil.look(&[stand("set point", false, "12 %"), stand("mode", false, "off")]);
    assert_eq!(words.as_deref(), Some("set point 12 %, mode off"));
    // Another master that gives it back what it had is no change any more.
    assert_eq!(vigil.look(&[stand("set point", true, "60 %")]), None);
}

#[test]
fn what_never_showed_what_was_written_was_not_changed() {
    let mut vigil = Vigil::new(false);
    let mode = |kept| [stand("mode", kept, "off")];
    assert_eq!(vigil.look(&mode(false)), None, "a device that shows nothing");
    assert_eq!(vigil.look(&mode(true)), None);
    assert_eq!(vigil.look(&mode(false)).as_deref(), Some("mode off"));
}
