use super::*;
use crate::core::service::{NewDispatch, NewGroup, Reference, Request as CoreRequest};
use crate::der::{
    CurveStyle, DerFunction, DerFunctions, DispatchSchedule, Mrid, Name, Parameter, TimeIntervalKind,
};
use crate::northbound::ReplyResult;
use crate::northbound::client::{Client, ClientError};
use crate::northbound::testing::{PlayedCore, settings, text_of};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;

struct Served {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

impl Served {
    async fn start(settings: Settings, service: Service) -> Self {
        crate::testing::unhurried();
        let listener = TcpListener::bind(crate::testing::own_address()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(settings, listener, service, stop.clone()));
        Self { address, stop, task }
    }

    fn client(&self) -> Client {
        Client::new(&format!("http://{}", self.address)).unwrap()
    }

    /// Sends bytes on a new connection and reads until the server closes it or the answer is whole.
    async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The server may answer and close before it has read everything.
        let _ = stream.write_all(request).await;
        read_answer(&mut stream).await
    }

    async fn post(&self, path: &str, body: &[u8]) -> String {
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
        self.raw(&[head.as_bytes(), body].concat()).await
    }
}

async fn read_answer(stream: &mut TcpStream) -> String {
    let mut seen = Vec::new();
    let mut buffer = vec![0; 65_536];
    loop {
        let text = String::from_utf8_lossy(&seen).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(usize::MAX) {
                return text;
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return text,
            Ok(n) => seen.extend_from_slice(&buffer[..n]),
        }
    }
}

fn pv(name: &str) -> NewGroup {
    NewGroup {
        mrid: None,
        description: None,
        functions: DerFunctions::NONE.with(DerFunction::RealPowerDispatch),
        members: vec![Reference::by_mrid(Mrid::parse("device-1").unwrap())],
        names: vec![Name::plain(name)],
        version: None,
    }
}

fn half_hour(group: &str) -> NewDispatch {
    let values = vec![-120_000.0, 95_500.25];
    let start = "2026-04-09T12:00:00Z".parse().unwrap();
    NewDispatch {
        mrid: None,
        names: vec![Name::plain("P-LIMIT")],
        group: Reference::by_name(group),
        parameter: Parameter::ActivePower,
        schedules: vec![
            DispatchSchedule::new(CurveStyle::ConstantYValue, start, 15, TimeIntervalKind::Minute, values)
                .unwrap(),
        ],
    }
}

#[tokio::test]
async fn a_client_creates_dispatches_queries_and_deletes() {
    let core = PlayedCore::start();
    let served = Served::start(settings(), core.service.clone()).await;
    let client = served.client();
    let created = client.create_groups(&[pv("A & B"), pv("C")]).await.unwrap();
    assert_eq!((created.reply.result, created.objects.len()), (ReplyResult::Ok, 2));
    let told = client.query_groups(&[Reference::by_name("A & B")]).await.unwrap();
    assert_eq!(told.objects, created.objects[..1]);
    let status = client.query_statuses(&[]).await.unwrap();
    assert_eq!(status.objects.len(), 2);
    assert_eq!(status.objects[0].parameters[0].value, Some(-1250.5));
    assert_eq!(status.objects[0].parameters[1].value, None);
    let sent = half_hour("A & B");
    let answer = client.create_dispatches(std::slice::from_ref(&sent)).await.unwrap();
    assert_eq!((answer.reply.result, answer.objects.len()), (ReplyResult::Ok, 1));
    assert_eq!(core.only_dispatch(), sent, "what was sent is what arrived");
    let refused = client.delete_groups(&[Reference::by_name("C"), Reference::by_name("D")]).await.unwrap();
    assert_eq!(refused.result, ReplyResult::Failed);
    assert_eq!((refused.errors.len(), refused.errors[0].code.as_str()), (1, "99.1"));
    assert_eq!(refused.errors[0].id.as_ref().unwrap().text, "D");
    assert_eq!(client.query_groups(&[]).await.unwrap().objects.len(), 1);
}

#[tokio::test]
async fn bad_input_gets_a_clear_answer_and_the_next_request_is_served() {
    let core = PlayedCore::start();
    let served = Served::start(settings(), core.service.clone()).await;
    let open = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'>";
    let nested = format!("{open}<s:Body>{}", "<a>".repeat(10_000));
    let wide = format!("{open}<s:Body>{}", "<a/>".repeat(200_001));
    let bomb = format!(
        "<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]>{open}<s:Body>&b;</s:Body></s:Envelope>"
    );
    let attributes: String = (0..200).map(|n| format!(" a{n}=''")).collect();
    let huge = vec![b'a'; 20 * 1024 * 1024];
    let cases: [(&[u8], &str, &str); 16] = [
        (b"", "500", "the message is empty"),
        (open.as_bytes(), "500", "truncated: Envelope is not closed"),
        (b"<s:Envelope xmlns:s='x'", "500", "truncated"),
        (b"\xFF\xFE<\0a\0", "500", "UTF-16"),
        (b"<a>\xE9</a>", "500", "byte 3 does not belong"),
        (b"<?xml version='1.0' encoding='iso-8859-1'?><a/>", "500", "encoding iso-8859-1 is not accepted"),
        (bomb.as_bytes(), "500", "document type declaration (DTD) is not accepted"),
        (b"<a>&nbsp;</a>", "500", "entity &amp;nbsp; is not defined"),
        (b"<a>&#0;</a>", "500", "not"),
        (b"<a>\x01</a>", "500", "control character U+0001"),
        (nested.as_bytes(), "500", "deeper than 64"),
        (wide.as_bytes(), "500", "more than 200000 elements"),
        (b"<b:a/>", "500", "prefix b is not bound"),
        (b"<a x='1' x='2'/>", "500", "given twice"),
        (b"<a/><b/>", "500", "after the end of the root element"),
        (&huge, "413", "larger than 4194304 bytes"),
    ];
    for (body, status, words) in cases {
        let answer = served.post("/61968-5/get/queryDERGroupStatuses", body).await;
        let shown: String = answer.chars().take(900).collect();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{words}: {shown}");
        assert!(answer.contains(words), "{words}: {shown}");
        assert!(answer.contains("<t:DERGroupStatusQueriesFaultMessage"), "{shown}");
        assert!(answer.contains("content-type: text/xml; charset=utf-8"), "{shown}");
        assert_eq!(served.client().query_groups(&[]).await.unwrap().reply.result, ReplyResult::Ok);
    }
    let answer = served.post("/61968-5/get/queryDERGroups", format!("<a{attributes}/>").as_bytes()).await;
    assert!(answer.contains("more than 64 attributes"), "{answer}");
}

#[tokio::test]
async fn paths_and_methods_are_told() {
    let core = PlayedCore::start();
    let served = Served::start(settings(), core.service.clone()).await;
    let get = async |path: &str| {
        served.raw(format!("GET {path} HTTP/1.1\r\nHost: dms.example:81\r\n\r\n").as_bytes()).await
    };
    let lost = get("/").await;
    assert!(lost.starts_with("HTTP/1.1 404") && lost.contains("/61968-5/get/queryDERGroups\n"), "{lost}");
    assert!(get("/61968-5/get/queryDERGroups").await.starts_with("HTTP/1.1 405"));
    for endpoint in &wsdl::ENDPOINTS {
        let description = get(&format!("//61968-5{}?WSDL", endpoint.path)).await;
        let address = format!("<soap:address location=\"http://dms.example:81/61968-5{}\"/>", endpoint.path);
        assert!(description.contains(&address), "{description}");
        let folder = &endpoint.path[..endpoint.path.rfind('/').unwrap()];
        let mut wanted = vec![text_between(&description, "schemaLocation=\"")];
        let mut seen = 0;
        while let Some(name) = wanted.pop() {
            let schema = get(&format!("/61968-5{folder}/{}", name)).await;
            assert!(schema.starts_with("HTTP/1.1 200"), "{name}: {schema}");
            seen += 1;
            let imports =
                schema.split("schemaLocation=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
            wanted.extend(imports.map(|import| format!("xsd/{import}")));
        }
        assert!(seen >= 3, "{seen}");
    }
    let soap = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body/></s:Envelope>";
    let answer = served.post("//61968-5//create/executeDERGroups/", soap.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 500") && answer.contains("DERGroupsFaultMessage"), "{answer}");
    let latin = format!(
        "POST /61968-5/get/queryDERGroups HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml; charset=latin1\r\nContent-Length: {}\r\n\r\n{soap}",
        soap.len()
    );
    assert!(served.raw(latin.as_bytes()).await.starts_with("HTTP/1.1 415"));
}

fn text_between(text: &str, open: &str) -> String {
    text.split(open).nth(1).unwrap().split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_message_that_does_not_arrive_is_given_up() {
    let core = PlayedCore::start();
    let quick = Settings { request_timeout: Duration::from_millis(50), ..settings() };
    let served = Served::start(quick, core.service.clone()).await;
    let head = "POST /61968-5/get/queryDERGroups HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n<a>";
    let answer = served.raw(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("did not arrive within"), "{answer}");
    let silent = served.raw(b"POST ").await;
    assert!(
        silent.is_empty() || silent.starts_with("HTTP/1.1 408"),
        "a head that never ends is closed: {silent}"
    );
}

#[tokio::test]
async fn a_panic_is_answered_with_a_fault() {
    let answer = survived(async { panic!("on purpose") }, Family::Dispatches).await;
    assert!(answer.is_fault && answer.text.contains("<t:DERGroupDispatchesFaultMessage"), "{answer:?}");
    assert_eq!(text_of(&answer.text, "faultcode"), Some("soap:Server"));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_is_given_up() {
    let (near, _far) = tokio::io::duplex(16);
    let mut stream = patience::Patient::new(near, Duration::from_secs(30));
    let error = stream.write_all(&[0; 1000]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
}

#[tokio::test]
async fn a_full_house_serves_the_next_when_a_place_is_free() {
    let core = PlayedCore::start();
    let one = Settings { max_connections: 1, ..settings() };
    let served = Served::start(one, core.service.clone()).await;
    let holder = TcpStream::connect(served.address).await.unwrap();
    let client = served.client();
    let waiting = tokio::spawn(async move { client.query_groups(&[]).await });
    drop(holder);
    assert_eq!(waiting.await.unwrap().unwrap().reply.result, ReplyResult::Ok);
}

#[tokio::test]
async fn stopping_lets_a_request_under_way_finish() {
    let (service, mut requests, _snapshot) = Service::new(1);
    let served = Served::start(settings(), service).await;
    let client = served.client();
    let asked = tokio::spawn(async move { client.delete_groups(&[Reference::by_name("A")]).await });
    let Some(CoreRequest::DeleteGroups(groups, answer)) = requests.recv().await else { panic!("no request") };
    assert_eq!(groups, [Reference::by_name("A")]);
    served.stop.cancel();
    // The listener is gone once a new connection is refused; the request is still waited for.
    while TcpStream::connect(served.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    answer.send(vec![Err(crate::core::service::Refusal::UnknownGroup)]).unwrap();
    assert_eq!(asked.await.unwrap().unwrap().errors[0].code, "99.1");
    served.task.await.unwrap().unwrap();
    let nobody = Client::new(&format!("http://{}", served.address)).unwrap().query_groups(&[]).await;
    assert!(matches!(nobody, Err(ClientError::NoAnswer { .. })), "{nobody:?}");
}

#[tokio::test]
async fn a_connection_serves_request_after_request() {
    let core = PlayedCore::start();
    let served = Served::start(settings(), core.service.clone()).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    for _ in 0..3 {
        let request = "POST /61968-5/get/queryDERGroups HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n<a/>";
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read_answer(&mut stream).await;
        assert_eq!(text_of(&answer, "faultcode"), Some("soap:Client"), "{answer}");
    }
}
#[tokio::test]
async fn a_web_page_cannot_dispatch_through_the_loopback_listener() {
    let core = PlayedCore::start();
    let served = Served::start(settings(), core.service.clone()).await;
    let request = "POST /61968-5/create/executeDERGroups HTTP/1.1\r\nHost: x\r\nOrigin: http://page.example\r\n\
                   Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n<a";
    let answer = served.raw(request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(answer.contains("<m:code>7.5</m:code>"), "{answer}");
    served.stop.cancel();
}
