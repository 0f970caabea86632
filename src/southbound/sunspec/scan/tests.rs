use super::*;
use crate::southbound::modbus::{Endpoint, SharedBus};
use crate::southbound::testing::{Answer, Book, Server, legacy, peer};

const BASES: [u16; 3] = [40000, 0, 50000];

async fn scanned(server: &Server) -> Result<Chain, ScanError> {
    let endpoint = Endpoint::Tcp { host: server.address.ip().to_string(), port: server.address.port() };
    let bus = SharedBus::new(endpoint);
    scan(&bus.line(peer(1)), &SunspecOptions::default()).await
}

async fn of(book: &Book) -> Result<Chain, ScanError> {
    scanned(&Server::start(&[(1, book)]).await).await
}

fn ids(chain: &Chain) -> Vec<u16> {
    chain.models.iter().map(|m| m.id).collect()
}

#[tokio::test]
async fn the_chain_is_found_at_each_base() {
    for base in BASES {
        let book = Book::at(base).identity("S").stranger(64_870, 40).model(103, &[]);
        let chain = of(&book).await.unwrap();
        assert_eq!((chain.base, ids(&chain)), (base, vec![1, 64_870, 103]));
        assert_eq!(chain.models[2].address, base + 2 + 68 + 42);
        assert_eq!(chain.warnings, [] as [String; 0]);
    }
}

#[tokio::test]
async fn a_shifted_map_is_named_with_its_remedy() {
    let words = of(&Book::at(40001).identity("S")).await.unwrap_err().to_string();
    assert!(words.contains("shifted by one; set base = [40001]"), "{words}");
}

#[tokio::test]
async fn data_without_a_marker_says_what_was_found() {
    let mut book = Book::at(100);
    book.put(40000, &[0, 0]);
    let words = of(&book).await.unwrap_err().to_string();
    assert!(words.contains("40000 (data 0x0000 0x0000), 0 (exception 2"), "{words}");
    assert!(words.contains("unit id"), "{words}");
    let mut book = Book::at(100);
    book.put(40000, &[0x6E53, 0x5375]);
    assert!(of(&book).await.unwrap_err().to_string().contains("swapped"));
}

#[tokio::test]
async fn a_missing_unit_and_silence_are_no_answer() {
    let server = Server::start(&[(9, &legacy())]).await;
    let error = scanned(&server).await.unwrap_err();
    assert!(matches!(error, ScanError::Bus(BusError::Refused(Exception(0x0B)))), "{error:?}");
    assert_eq!(
        error.to_string(),
        "nothing answers as this unit behind this address (exception 11); try another unit: 1, 2, 126 and 247 are usual"
    );
    let server = Server::start(&[(1, &legacy())]).await;
    server.script(|_, _| Answer::Silence);
    let error = scanned(&server).await.unwrap_err();
    assert!(matches!(error, ScanError::Bus(_)), "{error:?}");
    assert!(error.to_string().contains("is the unit id right"), "{error}");
}

#[tokio::test]
async fn a_chain_without_an_end_model_keeps_what_was_found() {
    let mut book = Book::at(0).identity("S").model(103, &[]);
    book.registers.remove(&122);
    book.registers.remove(&123);
    let chain = of(&book).await.unwrap();
    assert_eq!(ids(&chain), [1, 103]);
    assert!(chain.warnings[0].contains("no end model") && !chain.complete);
    book.put(122, &[0xFFFF]);
    assert!(of(&book).await.unwrap().complete);
    assert_eq!(of(&book).await.unwrap().warnings, [] as [String; 0], "an end model of one register");
    book.put(122, &[0, 0]);
    assert!(of(&book).await.unwrap().warnings[0].contains("zeros"));
}

#[tokio::test]
async fn a_chain_that_runs_away_is_refused() {
    let mut book = Book::at(40000).identity("S");
    book.put(40070, &[103, 60_000]);
    let error = of(&book).await.unwrap_err();
    assert_eq!(error, ScanError::RunsAway { address: 40070, id: 103, length: 60_000 });
    let mut empty = Book::at(0);
    empty.put(0, &[0x5375, 0x6E53]);
    for at in 0..900 {
        empty.put(2 + at * 2, &[500, 0]);
    }
    assert!(matches!(of(&empty).await, Err(ScanError::RunsAway { .. })));
}

#[tokio::test]
async fn a_second_logical_device_is_left_alone() {
    let book = legacy().identity("METER").model(103, &[]);
    let chain = of(&book).await.unwrap();
    assert_eq!(ids(&chain), [1, 103, 120, 121, 123]);
    assert!(
        chain.complete
            && chain.warnings[0]
                .contains("another logical device begins at 40208 (an inverter, models 1, 103)")
    );
    assert_eq!(chain.others[0].iter().map(|m| m.id).collect::<Vec<_>>(), [1, 103]);
}

#[tokio::test]
async fn a_busy_device_and_a_lost_answer_are_asked_again() {
    let server = Server::start(&[(1, &legacy())]).await;
    let mut count = 0;
    server.script(move |_, _| {
        count += 1;
        match count {
            1 => Answer::Exception(6),
            4 => Answer::Silence,
            6 => Answer::Wrong,
            _ => Answer::Good,
        }
    });
    assert_eq!(ids(&scanned(&server).await.unwrap()), [1, 103, 120, 121, 123]);
}

#[tokio::test]
async fn a_device_that_is_silent_at_one_base_is_found_at_the_next() {
    let server = Server::start(&[(1, &Book::at(50000).identity("S"))]).await;
    server.script(|seen, _| if seen.address < 50000 { Answer::Silence } else { Answer::Good });
    assert_eq!(scanned(&server).await.unwrap().base, 50000);
}

#[tokio::test]
async fn a_scan_of_a_silent_device_ends_in_time_and_goes_on_where_it_ended() {
    let server = Server::start(&[(1, &Book::at(50000).identity("S"))]).await;
    server.script(|seen, _| if seen.address < 50000 { Answer::Silence } else { Answer::Good });
    let endpoint = Endpoint::Tcp { host: server.address.ip().to_string(), port: server.address.port() };
    let bus = SharedBus::new(endpoint);
    let line = bus.line(peer(1));
    let (options, mut first) = (SunspecOptions::default(), 0);
    for next in [1, 2] {
        let limit = Instant::now() + std::time::Duration::from_millis(300);
        let error = scan_until(&line, &options, &mut first, Some(limit)).await.unwrap_err();
        assert!(matches!(error, ScanError::Bus(BusError::TimedOut(_))), "{error}");
        assert_eq!(first, next);
        let limit = Some(Instant::now());
        assert!(scan_until(&line, &options, &mut first, limit).await.is_err(), "not yet");
        assert_eq!(first, next, "nothing was asked");
        reconnectable(&line).await;
    }
    let found = scan_until(&line, &options, &mut first, Some(Instant::now())).await.unwrap();
    assert_eq!((found.base, first), (50000, 0));
}

#[tokio::test]
async fn what_is_not_modbus_is_told_as_such() {
    let server = Server::start(&[(1, &legacy())]).await;
    server.script(|_, _| Answer::Wrong);
    let words = scanned(&server).await.unwrap_err().to_string();
    assert!(words.contains("got 1") && words.contains("another protocol"), "{words}");
    assert!(!words.contains("unit id"), "{words}");
}

#[tokio::test]
async fn several_meters_behind_an_inverter_are_told_apart_and_cannot_spoil_it() {
    let mut book = legacy().identity("M1").model(203, &[]).identity("M2").model(213, &[]).model(203, &[]);
    let chain = of(&book).await.unwrap();
    assert_eq!(chain.others.iter().map(Vec::len).collect::<Vec<_>>(), [2, 3]);
    assert!(chain.others[1].iter().all(|m| m.instance == 0), "counted within each device");
    assert!(chain.warnings.iter().all(|w| w.contains("a meter")));
    // Its header is damaged.
    let second = chain.others[1][0].address;
    book.put(second, &[1, 60_000]);
    let damaged = of(&book).await.unwrap();
    assert_eq!((damaged.models, damaged.complete), (chain.models, true));
    assert!(damaged.warnings.iter().any(|w| w.contains("runs away")), "{:?}", damaged.warnings);
}

#[tokio::test]
async fn a_map_may_say_that_there_is_no_end_model() {
    let mut book = Book::at(0).identity("S").model(103, &[]);
    book.registers.remove(&122);
    book.registers.remove(&123);
    let server = Server::start(&[(1, &book)]).await;
    let endpoint = Endpoint::Tcp { host: server.address.ip().to_string(), port: server.address.port() };
    let bus = SharedBus::new(endpoint);
    let options = SunspecOptions { end_model_required: false, ..SunspecOptions::default() };
    let chain = scan(&bus.line(peer(1)), &options).await.unwrap();
    assert_eq!((ids(&chain), chain.warnings.len()), (vec![1, 103], 0));
    assert!(!chain.complete, "it may still be a device that boots");
}

#[tokio::test]
async fn a_device_that_refuses_to_read_is_told_in_words() {
    let server = Server::start(&[(1, &legacy())]).await;
    server.script(|_, _| Answer::Exception(1));
    let words = scanned(&server).await.unwrap_err().to_string();
    assert!(
        words.contains(
            "40000 (exception 1 (illegal function)). The device does not let holding registers be read"
        ),
        "{words}"
    );
    let server = Server::start(&[(1, &legacy())]).await;
    server.script(|_, _| Answer::OtherUnit);
    let words = scanned(&server).await.unwrap_err().to_string();
    assert!(words.contains("lenient_header = true"), "{words}");
}

#[tokio::test]
async fn a_known_chain_is_seen_to_stand_or_not() {
    let book = legacy().identity("M").model(203, &[]);
    let server = Server::start(&[(1, &book)]).await;
    let endpoint = Endpoint::Tcp { host: server.address.ip().to_string(), port: server.address.port() };
    let bus = SharedBus::new(endpoint);
    let line = bus.line(peer(1));
    let known = scan(&line, &SunspecOptions::default()).await.unwrap();
    server.state().seen.clear();
    assert_eq!(still_there(&line, &known).await, Ok(true));
    assert_eq!(server.state().seen.len(), 3, "marker, last model, what follows it");
    let mut alone = known.clone();
    alone.others.clear();
    assert_eq!(still_there(&line, &alone).await, Ok(false), "another device has come behind it");
    let mut longer = known.clone();
    longer.models.last_mut().unwrap().length += 1;
    assert_eq!(still_there(&line, &longer).await, Ok(false));
    server.script(|_, _| Answer::Silence);
    assert!(still_there(&line, &known).await.is_err());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(24))]
    #[test]
    fn any_registers_behind_a_marker_are_survived(words in proptest::collection::vec(proptest::num::u16::ANY, 0..400)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut book = Book::at(0);
        let small: Vec<u16> = words.iter().map(|w| if w % 3 == 0 { w % 40 } else { *w }).collect();
        book.put(2, &small);
        runtime.block_on(async {
            if let Ok(chain) = of(&book).await {
                assert!(chain.models.len() + chain.others.iter().map(Vec::len).sum::<usize>() <= MAX_MODELS);
                assert!(!chain.models.is_empty());
            }
        });
    }
}
