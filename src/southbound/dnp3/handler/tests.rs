//! News is never lost silently.

use super::outbox::Outbox;
use crate::device_map::dnp3::{At, PointKind};
use crate::southbound::dnp3::field::{LinkState, News, Seen, Source};
use jiff::Timestamp;
use tokio::sync::mpsc;

fn values(count: u16) -> News {
    let seen = |index| Seen {
        at: At { kind: PointKind::AnalogInput, index },
        raw: 0.0,
        flags: 1,
        stamp: None,
        event: true,
        heard: Timestamp::UNIX_EPOCH,
    };
    News::Values(Source::Unsolicited, (0..count).map(seen).collect())
}

#[tokio::test]
async fn values_that_nobody_takes_are_dropped_and_counted_and_nothing_else_is() {
    let outbox = Outbox::default();
    let kept = (0..70).filter(|_| outbox.tell(values(1000))).count();
    assert_eq!(kept, 65);
    assert_eq!(outbox.dropped(), 5000);
    assert!(!outbox.has_room());
    assert!(outbox.tell(News::Restarted) && outbox.tell(News::Link(LinkState::Up)));
    let (to, mut news) = mpsc::channel(4);
    let reader = async {
        let mut all = Vec::new();
        while let Some(next) = news.recv().await {
            let last = next == News::Link(LinkState::Up);
            all.push(next);
            if last {
                break;
            }
        }
        all
    };
    let all = tokio::select! {
        all = reader => all,
        () = outbox.pass_on(to) => unreachable!(),
    };
    assert_eq!(all.len(), 67);
    assert_eq!(all[65], News::Restarted);
    assert!(outbox.has_room() && outbox.tell(values(1000)));
}

#[test]
fn one_piece_is_taken_whatever_its_size() {
    let outbox = Outbox::default();
    assert!(outbox.tell(values(65_535)) && !outbox.tell(values(2)));
    let outbox = Outbox::default();
    let News::Values(source, seen) = values(60_000) else { unreachable!() };
    let more = seen.iter().chain(&seen).copied().collect();
    assert!(outbox.tell(News::Values(source, more)));
}

#[test]
fn a_link_that_goes_up_and_down_for_ever_takes_no_room_for_ever() {
    let outbox = Outbox::default();
    assert!(outbox.tell(News::Restarted));
    for n in 0..10_000 {
        assert!(outbox.tell(News::Link(LinkState::Down(n.to_string()))));
    }
    assert!(outbox.tell(values(1)), "the old ones made room");
}

#[test]
fn many_small_reports_in_a_row_fill_no_places() {
    let outbox = Outbox::default();
    assert!((0..10_000).all(|_| outbox.tell(values(1))), "nothing is dropped");
    assert!(outbox.tell(News::Restarted) && outbox.tell(values(1)));
    assert!(outbox.has_room());
    assert_eq!(outbox.dropped(), 0);
    assert_eq!(outbox.pieces(), 12, "in pieces of a thousand, and in their order");
}
