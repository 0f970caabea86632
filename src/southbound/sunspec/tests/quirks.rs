//! What the device map says of a device, and which map it gets; which models are read how often.

use super::*;
use crate::device_map::{DeviceMap, PointRef};
use crate::southbound::testing::map;

fn corrected(id: &str) -> DeviceMap {
    let mut map = DeviceMap { id: id.into(), ..map() };
    map.sunspec.scale_override = vec![(PointRef { model: 103, path: "W_SF".into() }, 1)];
    map
}

#[tokio::test]
async fn a_device_that_names_no_map_gets_the_one_that_suits_it() {
    let mut book = legacy();
    book.set(103, "W_SF", 0x8000);
    book.set(120, "WRtg_SF", 2);
    let server = Server::start(&[(1, &book)]).await;
    let choice: MapChoice = Arc::new(|maker, model, version| {
        assert_eq!((maker, model, version), ("Acme", "X1", "1.0"));
        Some(Arc::new(corrected("acme")))
    });
    let unnamed = DeviceSettings { map_named: false, ..server.device(0, 1) };
    let named = server.device(1, 1);
    let mut rig = Rig::choosing(vec![unnamed, named], known(), choice);
    rig.power(0, Some(50_000.0)).await;
    rig.power(1, None).await;
}

#[tokio::test]
async fn models_to_be_ignored_are_never_read() {
    let server = Server::start(&[(1, &legacy())]).await;
    let mut device = server.device(0, 1);
    let mut map = map();
    map.sunspec.ignore_models = vec![120];
    device.map = Arc::new(map);
    let mut rig = Rig::new(vec![device], known());
    rig.power(0, Some(5000.0)).await;
    let at = legacy().address(120, "ID");
    assert!(server.state().seen.iter().all(|s| s.address != at || s.quantity == 2));
}

#[tokio::test]
async fn curves_are_read_once_and_as_far_as_their_counts_say() {
    let book = newer().longer(705, 13 + 2 * (10 + 2 * 4), &[("NPt", 4), ("NCrv", 2), ("Ena", 1)]).longer(
        714,
        18 + 50,
        &[("NPrt", 2), ("DCW_SF", 0), ("Prt[1].DCW", 44)],
    );
    let server = Server::start(&[(1, &book)]).await;
    let mut rig = Rig::new(vec![server.device(0, 1)], known());
    assert_eq!(rig.state(0, DeviceState::Online).await, "");
    rig.report("DC power", |_, report| match report {
        Report::Poll(poll) => {
            poll.readings.iter().any(|r| r.quantity == Quantity::DcPower && r.value == 44.0).then_some(())
        }
        _ => None,
    })
    .await;
    let (curve, ports) = (book.address(705, "ID"), book.address(714, "ID"));
    let reads = |at: u16| -> Vec<u16> {
        server.state().seen.iter().filter(|s| s.address == at && s.quantity > 2).map(|s| s.quantity).collect()
    };
    assert_eq!(reads(curve), [15, 51], "its header, then all of it, and no more");
    assert_eq!(reads(ports)[..2], [20, 70], "the header says how much follows");
    assert!(reads(ports)[2..].iter().all(|quantity| *quantity == 70), "and is known then");
}

#[tokio::test]
async fn measurements_are_read_often_states_now_and_then_and_ratings_seldom() {
    let book = legacy();
    let server = Server::start(&[(1, &book)]).await;
    let mut device = server.device(0, 1);
    device.poll = Duration::from_millis(100);
    let mut rig = Rig::new(vec![device], known());
    for _ in 0..26 {
        rig.poll(0).await;
    }
    let count = |id: u16| {
        let at = book.address(id, "ID");
        server.state().seen.iter().filter(|s| s.address == at && s.quantity > 2).count()
    };
    let (fast, normal, slow) = (count(103), count(123), count(120));
    assert!(fast >= 26 && (2..=4).contains(&normal) && slow == 1, "{fast} {normal} {slow}");
    assert_eq!(count(1), 1);
}

#[tokio::test]
async fn a_device_that_only_counts_further_back_says_so() {
    let mut book =
        Book::at(40000).identity("GATEWAY").model(120, &[("DERTyp", 4)]).identity("METER").model(203, &[]);
    book.set(120, "DERTyp", 4);
    let (_server, mut rig) = Rig::one(&book).await;
    let reason = rig.state(0, DeviceState::Degraded).await;
    assert!(
        reason.contains("it measures nothing; the logical device behind it at 40098 (a meter) would"),
        "{reason}"
    );
}

#[tokio::test]
async fn a_counter_that_falls_is_invalid_for_one_poll() {
    let (server, mut rig) = Rig::one(&legacy()).await;
    let energy = |report: &Report| match report {
        Report::Poll(poll) => poll
            .readings
            .iter()
            .find(|r| r.quantity == Quantity::EnergyInjected)
            .map(|r| (r.quality, r.value)),
        _ => None,
    };
    rig.report("energy", |_, r| energy(r).filter(|e| *e == (Quality::Good, 123_456.0))).await;
    let mut fallen = legacy();
    fallen.set(103, "WH", 7);
    server.state().units.insert(1, fallen.registers);
    let next = rig.report("another", |_, r| energy(r).filter(|e| *e != (Quality::Good, 123_456.0))).await;
    assert_eq!(next.0, Quality::Invalid);
    let next = rig.report("the next", |_, r| energy(r)).await;
    assert_eq!(next, (Quality::Good, 7.0));
}

#[tokio::test]
async fn a_map_may_let_reads_run_over_the_border_of_two_models() {
    let book = newer();
    let server = Server::start(&[(1, &book)]).await;
    let mut device = server.device(0, 1);
    let mut map = map();
    map.sunspec.cross_model = true;
    device.map = Arc::new(map);
    let (limits, border) = (book.address(713, "ID"), book.address(715, "ID"));
    let mut rig = Rig::new(vec![device], known());
    rig.power(0, Some(-2500.0)).await;
    // 713 is read in each poll, 715 behind it now and then: together when both are due.
    let together = |server: &Server| {
        server.state().seen.iter().filter(|s| s.address == limits && s.quantity == 18).count()
    };
    while together(&server) < 2 {
        let poll = rig.poll(0).await;
        let charge = poll.readings.iter().find(|r| r.quantity == Quantity::StateOfCharge).unwrap();
        assert_eq!((charge.value, charge.quality), (55.5, Quality::Good));
    }
    server.script(move |seen, _| {
        if seen.address < border && seen.address + seen.quantity > border {
            Answer::Exception(2)
        } else {
            Answer::Good
        }
    });
    let before = together(&server);
    for _ in 0..60 {
        let poll = rig.poll(0).await;
        assert!(poll.readings.iter().all(|r| r.quality == Quality::Good), "{poll:?}");
    }
    assert_eq!(together(&server), before + 1, "tried once, and not again");
}
