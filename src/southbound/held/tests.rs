use super::*;

const LIMIT: CommandName = CommandName::LimitActivePower;

fn write() -> &'static str {
    "a"
}

fn applied(refresh: Option<u64>, hold: u64) -> Applied<CommandName, &'static str> {
    Applied {
        name: LIMIT,
        writes: vec![write()],
        read_back: ReadBack::default(),
        refresh: refresh.map(Duration::from_secs),
        hold: Duration::from_secs(hold),
    }
}

#[test]
fn what_the_device_forgets_is_repeated_until_nobody_asks_for_it_any_more() {
    let begun = Instant::now();
    let after = |seconds| begun + Duration::from_secs(seconds);
    let mut holding: Holding<CommandName, &'static str> = Holding::default();
    holding.applied(applied(Some(20), 60), begun);
    assert_eq!(holding.next_refresh(), Some(after(20)));
    assert!(holding.take_refreshes(after(19)).is_empty());
    assert_eq!(holding.take_refreshes(after(20)), [write()]);
    assert!(holding.take_refreshes(after(21)).is_empty(), "once");
    assert_eq!(holding.take_refreshes(after(40)), [write()]);
    holding.applied(applied(Some(20), 60), after(50));
    assert_eq!(holding.next_refresh(), Some(after(70)), "asked for again");
    for at in [70, 90, 110] {
        assert_eq!(holding.take_refreshes(after(at)), [write()], "{at}");
    }
    assert_eq!(holding.next_refresh(), None, "nobody asked since 50");
    assert!(holding.take_refreshes(after(200)).is_empty());
    assert!(holding.has(LIMIT), "but it is to be undone");
}

#[test]
fn what_is_asked_for_again_and_stands_is_repeated_on() {
    let begun = Instant::now();
    let after = |seconds| begun + Duration::from_secs(seconds);
    let mut holding: Holding<CommandName, &'static str> = Holding::default();
    holding.applied(applied(Some(100), 60), begun);
    assert_eq!(holding.next_refresh(), None, "its time is over before");
    holding.go_on(LIMIT, Duration::from_secs(60), after(50));
    assert_eq!(holding.next_refresh(), Some(after(100)));
}

#[test]
fn a_repetition_that_comes_too_late_is_left_out() {
    let begun = Instant::now();
    let mut holding: Holding<CommandName, &'static str> = Holding::default();
    holding.applied(applied(Some(20), 60), begun);
    // The device was away.
    assert!(holding.take_refreshes(begun + Duration::from_secs(61)).is_empty());
}

#[test]
fn what_is_kept_by_the_device_is_not_repeated() {
    let mut holding: Holding<CommandName, &'static str> = Holding::default();
    holding.applied(applied(None, 60), Instant::now());
    assert_eq!(holding.next_refresh(), None);
}

#[test]
fn nothing_is_repeated_to_another_device() {
    let mut holding: Holding<CommandName, &'static str> = Holding::default();
    holding.applied(applied(Some(1), 60), Instant::now());
    holding.stop_refreshing();
    assert_eq!(holding.next_refresh(), None);
    assert!(holding.take_refreshes(Instant::now() + Duration::from_secs(5)).is_empty());
}

#[test]
fn flash_is_given_its_rest() {
    let begun = Instant::now();
    let mut holding: Holding<CommandName, &'static str> = Holding::default();
    let least = Duration::from_secs(60);
    assert_eq!(holding.wait(LIMIT, least, begun), None);
    holding.wrote(LIMIT, begun);
    assert_eq!(holding.wait(LIMIT, least, begun + Duration::from_secs(18)), Some(Duration::from_secs(42)));
    assert_eq!(holding.wait(LIMIT, least, begun + least), None);
    assert_eq!(holding.wait(CommandName::Disconnect, least, begun), None);
}

#[test]
fn notes_outlive_a_run() {
    let mut before = Holding::default();
    before.applied(applied(Some(1), 60), Instant::now());
    before.touched(CommandName::Disconnect, Instant::now());
    assert_eq!(before.notes(), "disconnect,limit_active_power");
    let mut after: Holding<CommandName, &'static str> = Holding::default();
    after.recall(&format!("{},nonsense", before.notes()), Instant::now());
    assert!(after.has(LIMIT) && after.has(CommandName::Disconnect));
    assert_eq!(after.next_refresh(), None, "it is undone, not repeated");
    after.drop(LIMIT);
    assert_eq!(after.notes(), "disconnect");
}
