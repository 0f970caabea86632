use super::*;
use crate::southbound::testing::{Answer, Book, Server, legacy, peer};
use crate::southbound::tls::{Fault, Kind};

async fn bus(book: &Book) -> (Server, Bus) {
    let server = Server::start(&[(1, book)]).await;
    let endpoint = Endpoint::Tcp { host: server.address.ip().to_string(), port: server.address.port() };
    (server, Bus::new(endpoint))
}

#[tokio::test]
async fn reads_and_writes_go_over_one_connection() {
    let (server, mut bus) = bus(&legacy()).await;
    assert_eq!(bus.read(&peer(1), 40000, 2).await.unwrap(), [0x5375, 0x6E53]);
    bus.write(&peer(1), 40187, &[600, 0]).await.unwrap();
    bus.write_single(&peer(1), 40188, 9).await.unwrap();
    assert_eq!(bus.read(&peer(1), 40187, 2).await.unwrap(), [600, 9]);
    assert_eq!(server.state().connections, 1);
    assert_eq!(server.writes(), [(16, 40187, vec![600, 0]), (6, 40188, vec![9])]);
}

#[tokio::test]
async fn requests_beyond_the_protocol_are_not_sent() {
    let (server, mut bus) = bus(&legacy()).await;
    assert!(matches!(bus.read(&peer(1), 0, 126).await, Err(BusError::NotSent(_))));
    assert!(matches!(bus.read(&peer(1), 65535, 2).await, Err(BusError::NotSent(_))));
    assert!(matches!(bus.write(&peer(1), 0, &[0; 124]).await, Err(BusError::NotSent(_))));
    assert!(matches!(bus.write(&peer(1), 0, &[]).await, Err(BusError::NotSent(_))));
    assert_eq!(server.state().connections, 0);
}

#[tokio::test]
async fn an_exception_leaves_the_connection_and_any_other_fault_drops_it() {
    let (server, mut bus) = bus(&legacy()).await;
    assert_eq!(bus.read(&peer(1), 1, 2).await, Err(BusError::Refused(Exception(2))));
    assert!(bus.read(&peer(1), 40000, 2).await.is_ok());
    assert_eq!(server.state().connections, 1);
    for (count, answer) in [(2, Answer::Wrong), (3, Answer::OtherUnit)] {
        let once = answer.clone();
        server.script(move |_, _| once.clone());
        let error = bus.read(&peer(1), 40000, 2).await.unwrap_err();
        assert!(matches!(error, BusError::BadAnswer(_)), "{answer:?}: {error:?}");
        server.script(|_, _| Answer::Good);
        assert!(bus.read(&peer(1), 40000, 2).await.is_ok());
        assert_eq!(server.state().connections, count);
    }
    server.script(|_, _| Answer::Close);
    assert_eq!(bus.read(&peer(1), 40000, 2).await, Err(BusError::Closed));
}

#[tokio::test]
async fn a_late_answer_is_never_taken_for_the_next_one() {
    let (server, mut bus) = bus(&legacy()).await;
    assert!(bus.read(&peer(1), 40000, 2).await.is_ok());
    server.script(|seen, _| if seen.address == 40000 { Answer::Late } else { Answer::Good });
    assert!(matches!(bus.read(&peer(1), 40000, 2).await, Err(BusError::TimedOut(_))));
    assert_eq!(bus.read(&peer(1), 40070, 2).await.unwrap(), [103, 50]);
    assert_eq!(server.state().connections, 2);
}

#[tokio::test]
async fn a_wrong_echo_of_a_write_is_no_success() {
    let (server, mut bus) = bus(&legacy()).await;
    server.script(|_, _| Answer::Wrong);
    assert!(matches!(bus.write(&peer(1), 40187, &[1, 2]).await, Err(BusError::BadAnswer(_))));
}

#[tokio::test]
async fn why_there_is_no_connection_is_said() {
    crate::testing::unhurried();
    let listener = tokio::net::TcpListener::bind(crate::testing::own_address()).await.unwrap();
    let here = listener.local_addr().unwrap();
    let endpoint = |host: &str| Endpoint::Tcp { host: host.into(), port: here.port() };
    let slammed = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        drop(stream);
    });
    let error = Bus::new(endpoint(&here.ip().to_string())).read(&peer(1), 0, 2).await;
    assert_eq!(error, Err(BusError::Connect(ConnectFault::AcceptedThenReset)));
    slammed.await.unwrap();
    let mut refused = Bus::new(endpoint(&here.ip().to_string()));
    assert_eq!(refused.read(&peer(1), 0, 2).await, Err(BusError::Connect(ConnectFault::Refused)));
    assert!(refused.retry_at(1).is_some(), "it is not tried again at once");
    let error = Bus::new(endpoint("no such host")).read(&peer(1), 0, 2).await;
    assert_eq!(error, Err(BusError::Connect(ConnectFault::NotResolved)));
}

#[tokio::test]
async fn a_tls_fault_that_lasts_is_not_tried_again_soon() {
    let server = Server::start(&[(1, &legacy())]).await;
    let (host, port) = (server.address.ip().to_string(), server.address.port());
    let mut bus = Bus::new(Endpoint::Tls { host, port, client: None });
    for _ in 0..3 {
        let error = bus.read(&peer(1), 40000, 2).await.unwrap_err();
        assert!(
            error.lasts() && error.to_string().contains("set [southbound.tls] in gateway.toml"),
            "{error}"
        );
    }
    let wait = bus.retry_at(1).unwrap() - Instant::now();
    assert!(wait > Duration::from_secs(29) && wait <= Duration::from_secs(60), "{wait:?}");
    assert!(server.state().connections <= 1, "three requests, one attempt");
    bus.put_off(ConnectFault::Refused);
    assert!(bus.retry_at(1).unwrap() - Instant::now() <= Duration::from_secs(1), "others as ever");
}

#[tokio::test]
async fn a_request_that_is_given_up_takes_its_connection_with_it() {
    let (server, mut bus) = bus(&legacy()).await;
    assert!(bus.read(&peer(1), 40000, 2).await.is_ok());
    server.script(|seen, _| if seen.quantity == 9 { Answer::Late } else { Answer::Good });
    let given_up = timeout(Duration::from_millis(20), bus.read(&peer(1), 40000, 9)).await;
    assert!(given_up.is_err());
    assert_eq!(bus.read(&peer(1), 40070, 1).await.unwrap(), [103]);
    assert_eq!(server.state().connections, 2);
}

#[tokio::test]
async fn a_silent_unit_does_not_hold_back_its_neighbour() {
    let server = Server::start(&[(1, &legacy()), (2, &legacy())]).await;
    let endpoint = Endpoint::Tcp { host: server.address.ip().to_string(), port: server.address.port() };
    let mut bus = Bus::new(endpoint);
    server.script(|seen, _| if seen.unit == 2 { Answer::Silence } else { Answer::Good });
    assert!(matches!(bus.read(&peer(2), 40000, 2).await, Err(BusError::TimedOut(_))));
    assert!(bus.retry_at(2).is_some() && bus.retry_at(1).is_none());
    assert!(bus.read(&peer(1), 40000, 2).await.is_ok(), "at once, over a new connection");
}

#[tokio::test]
async fn a_device_with_wrong_ids_is_read_if_its_map_says_so() {
    let (server, mut bus) = bus(&legacy()).await;
    let lenient = Peer { lenient: true, ..peer(1) };
    assert!(bus.read(&peer(1), 40000, 2).await.is_ok());
    server.script(|_, _| Answer::OtherUnit);
    assert_eq!(bus.read(&lenient, 40000, 2).await.unwrap(), [0x5375, 0x6E53]);
    bus.write(&lenient, 40187, &[600]).await.unwrap();
    bus.write_single(&lenient, 40188, 9).await.unwrap();
    assert_eq!(server.state().connections, 2, "one that checks ids, one that does not");
    assert!(
        matches!(bus.read(&peer(1), 40000, 2).await, Err(BusError::BadAnswer(_))),
        "its neighbour is strict"
    );
    assert!(bus.read(&lenient, 40000, 2).await.is_ok());
    server.script(|_, _| Answer::Wrong);
    assert!(matches!(bus.read(&lenient, 40000, 2).await, Err(BusError::BadAnswer(_))));
    server.script(|_, _| Answer::OtherUnit);
    assert!(bus.read(&lenient, 40000, 2).await.is_ok());
    server.script(|seen, _| if seen.address == 40000 { Answer::Late } else { Answer::Good });
    assert!(matches!(bus.read(&lenient, 40000, 2).await, Err(BusError::TimedOut(_))));
    assert_eq!(bus.read(&lenient, 40070, 2).await.unwrap(), [103, 50], "no late answer, ids or not");
    server.script(|_, _| Answer::Close);
    assert_eq!(bus.read(&lenient, 40000, 2).await, Err(BusError::Closed));
}

#[tokio::test]
async fn a_unit_that_never_answers_behind_a_good_connection_is_asked_less_often() {
    let server = Server::start(&[(1, &legacy()), (2, &legacy())]).await;
    let endpoint = Endpoint::Tcp { host: server.address.ip().to_string(), port: server.address.port() };
    let mut bus = Bus::new(endpoint);
    server.script(|seen, _| if seen.unit == 2 { Answer::Silence } else { Answer::Good });
    let hasty = Peer { response_timeout: Duration::from_millis(20), ..peer(2) };
    for _ in 0..3 {
        assert!(bus.read(&peer(1), 40000, 2).await.is_ok());
        assert!(matches!(bus.read(&hasty, 40000, 2).await, Err(BusError::TimedOut(_))));
    }
    assert_eq!(bus.read(&hasty, 40000, 2).await, Err(BusError::Connect(ConnectFault::Mute)));
    assert!(bus.read(&peer(1), 40000, 2).await.is_ok());
}

#[tokio::test]
async fn a_gateway_that_hangs_up_on_one_unit_is_there_for_the_others() {
    let server = Server::start(&[(1, &legacy()), (2, &legacy())]).await;
    let endpoint = Endpoint::Tcp { host: server.address.ip().to_string(), port: server.address.port() };
    let mut bus = Bus::new(endpoint);
    server.script(|seen, _| if seen.unit == 2 { Answer::Close } else { Answer::Good });
    assert!(bus.read(&peer(1), 40000, 2).await.is_ok());
    assert_eq!(bus.read(&peer(2), 40000, 2).await, Err(BusError::Closed));
    assert!(matches!(bus.read(&peer(2), 40000, 2).await, Err(BusError::Connect(_))));
    assert!(bus.retry_at(2).is_some() && bus.retry_at(1).is_none());
    assert!(bus.read(&peer(1), 40000, 2).await.is_ok(), "at once");
}

#[tokio::test]
async fn a_write_on_a_connection_that_ends_before_the_first_answer_may_have_been_done() {
    let (server, mut bus) = bus(&legacy()).await;
    server.script(|_, _| Answer::Close);
    assert_eq!(bus.write(&peer(1), 40187, &[600]).await, Err(BusError::Closed));
    assert_eq!(server.writes().len(), 1);
    // The connection waits all the same, and then it is certain that nothing was sent.
    let next = bus.write(&peer(1), 40187, &[600]).await;
    assert_eq!(next, Err(BusError::Connect(ConnectFault::AcceptedThenReset)));
    assert_eq!(server.writes().len(), 1);
}

#[tokio::test]
async fn a_fault_that_lasts_concerns_all_units_and_another_only_its_own() {
    let lasting = Fault::new(Kind::NotAccepted, "our certificate has expired");
    let hung_up = Fault::new(Kind::ClosedAfterHandshake, "who knows");
    for (fault, all) in [(lasting, true), (hung_up, false)] {
        let (_server, mut bus) = bus(&legacy()).await;
        assert!(bus.read(&peer(1), 40000, 2).await.is_ok());
        bus.doubt(&peer(2), &BusError::Connect(ConnectFault::Tls(fault)), false);
        assert_eq!(bus.retry_at(1).is_some(), all);
        assert!(bus.retry_at(2).is_some());
    }
}

#[tokio::test]
async fn bad_answers_on_a_new_connection_are_not_called_silence() {
    let (server, mut bus) = bus(&legacy()).await;
    server.script(|_, _| Answer::Wrong);
    assert!(matches!(bus.read(&peer(1), 40000, 2).await, Err(BusError::BadAnswer(_))));
    assert_eq!(bus.read(&peer(1), 40000, 2).await, Err(BusError::Connect(ConnectFault::Garbled)));
}

#[tokio::test]
async fn a_pause_counts_from_the_answer_to_whoever_asked_before() {
    let server = Server::start(&[(1, &legacy()), (2, &legacy())]).await;
    let endpoint = Endpoint::Tcp { host: server.address.ip().to_string(), port: server.address.port() };
    let mut bus = Bus::new(endpoint);
    let pause = Duration::from_millis(100);
    assert!(bus.read(&peer(1), 40000, 2).await.is_ok());
    let begun = Instant::now();
    assert!(bus.read(&Peer { inter_request: pause, ..peer(2) }, 40000, 2).await.is_ok());
    assert!(begun.elapsed() > pause / 2, "{:?}", begun.elapsed());
}
