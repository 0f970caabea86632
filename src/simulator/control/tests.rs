use super::*;
use crate::simulator::{DeviceSettings, Kind, Plant, PlantSettings};
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower::ServiceExt as _;

async fn plant() -> Plant {
    let devices = vec![DeviceSettings::new("PV-1", Kind::Pv), DeviceSettings::new("BAT", Kind::Storage)];
    let control = Some(std::net::SocketAddr::from(([127, 0, 0, 1], 0)));
    Plant::start(PlantSettings { control, devices }).await.unwrap()
}

async fn ask(plant: &Plant, method: &str, path: &str, body: &str) -> (StatusCode, String) {
    let request = Request::builder().method(method).uri(path).body(Body::from(body.to_owned())).unwrap();
    let answer = router(plant.all().clone()).oneshot(request).await.unwrap();
    let status = answer.status();
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn the_list_shows_every_device() {
    let plant = plant().await;
    let (status, body) = ask(&plant, "GET", "/devices", "").await;
    let list: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&list[0]["name"], &list[0]["kind"], &list[0]["power"]),
        (&json!("PV-1"), &json!("pv"), &json!(8500.0))
    );
    assert_eq!(
        (&list[1]["soc"], &list[1]["irradiance"], &list[1]["held"]),
        (&json!(50.0), &json!(null), &json!(false))
    );
    let (_, one) = ask(&plant, "GET", "/devices/BAT", "").await;
    assert!(one.contains("\"energy\":20000.0"), "{one}");
}

#[tokio::test]
async fn sun_charge_and_faults_can_be_set() {
    let plant = plant().await;
    ask(&plant, "PUT", "/devices/PV-1/irradiance", "0.25\n").await;
    assert_eq!((plant.devices()[0].irradiance(), plant.devices()[0].power().get()), (0.25, 2500.0));
    ask(&plant, "PUT", "/devices/BAT/soc", "80").await;
    assert_eq!(plant.devices()[1].soc(), Some(Percent::new(80.0)));
    let (_, body) = ask(&plant, "PUT", "/devices/BAT/fault", "one_connection, max_read:60").await;
    assert!(body.contains("[\"one_connection\",\"max_read:60\"]"), "{body}");
    ask(&plant, "PUT", "/devices/BAT/fault", "none").await;
    assert!(plant.devices()[1].faults().is_empty());
}

#[tokio::test]
async fn a_wrong_request_changes_nothing_and_says_what_is_right() {
    let plant = plant().await;
    for (path, body, status, says) in [
        ("/devices/PV-1/irradiance", "2", 400, "irradiance is a number from 0 to 1, not \"2\""),
        ("/devices/PV-1/irradiance", "NaN", 400, "from 0 to 1"),
        ("/devices/PV-1/soc", "50", 400, "has no battery"),
        ("/devices/BAT/irradiance", "1", 400, "has no sun"),
        ("/devices/BAT/fault", "broken", 400, "\"broken\" is not a fault; one of refused, silent"),
        ("/devices/BAT/fault", "slow", 400, "needs a number from 1 to 600000"),
        ("/devices/XX/fault", "none", 404, "no device is called \"XX\""),
        ("/elsewhere", "", 404, "there is GET /devices"),
    ] {
        let (got, text) = ask(&plant, "PUT", path, body).await;
        assert_eq!(got.as_u16(), status, "{path}");
        assert!(text.contains(says), "{path}: {text}");
    }
    assert_eq!(plant.devices()[0].irradiance(), 0.85);
}

#[tokio::test]
async fn it_listens() {
    let plant = plant().await;
    let mut stream = tokio::net::TcpStream::connect(plant.control().unwrap()).await.unwrap();
    let request = b"PUT /devices/PV-1/irradiance HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\n0";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(plant.devices()[0].power().get(), 0.0);
    plant.stop().await;
}
