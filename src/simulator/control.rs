//! The control listener: the weather and the faults of a running plant over plain HTTP on loopback, for demonstrations
//! and tests. It is no part of the gateway's own interfaces.

use super::faults::Fault;
use super::plant::{Device, Devices};
use crate::der::Percent;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Longest request body: a number or a few words.
const MAX_BODY: usize = 1024;

type Answer = Result<axum::Json<Value>, (StatusCode, String)>;

/// Serves until told to stop.
pub async fn serve(listener: TcpListener, devices: Devices, stop: CancellationToken) {
    let served = tokio::select! {
        served = async { axum::serve(listener, router(devices)).await } => served,
        // Whoever steers a simulation can bear a cut connection; waiting for idle ones could take for ever.
        () = stop.cancelled() => Ok(()),
    };
    if let Err(why) = served {
        tracing::warn!(%why, "control listener ended");
    }
}

fn router(devices: Devices) -> Router {
    Router::new()
        .route("/devices", get(list))
        .route("/devices/{name}", get(one))
        .route("/devices/{name}/irradiance", put(irradiance))
        .route("/devices/{name}/soc", put(soc))
        .route("/devices/{name}/fault", put(fault))
        .fallback(nothing_here)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(devices)
}

async fn nothing_here() -> (StatusCode, &'static str) {
    (
        StatusCode::NOT_FOUND,
        "there is GET /devices, GET /devices/NAME and PUT /devices/NAME/irradiance, …/soc and …/fault\n",
    )
}

async fn list(State(devices): State<Devices>) -> axum::Json<Value> {
    axum::Json(devices.all().iter().map(view).collect())
}

async fn one(State(devices): State<Devices>, Path(name): Path<String>) -> Answer {
    Ok(axum::Json(view(find(&devices, &name)?)))
}

async fn irradiance(State(devices): State<Devices>, Path(name): Path<String>, body: String) -> Answer {
    let device = find(&devices, &name)?;
    if device.kind().stores() {
        return bad(format!("{name} is a {} and has no sun; it has a soc", device.kind()));
    }
    match number(&body, 1.0) {
        Some(sun) => device.set_irradiance(sun),
        None => return bad(format!("irradiance is a number from 0 to 1, not \"{}\"", body.trim())),
    }
    Ok(axum::Json(view(device)))
}

async fn soc(State(devices): State<Devices>, Path(name): Path<String>, body: String) -> Answer {
    let device = find(&devices, &name)?;
    if !device.kind().stores() {
        return bad(format!("{name} is a {} and has no battery; it has an irradiance", device.kind()));
    }
    match number(&body, 100.0) {
        Some(percent) => device.set_soc(Percent::new(percent)),
        None => return bad(format!("soc is a number of percent from 0 to 100, not \"{}\"", body.trim())),
    }
    Ok(axum::Json(view(device)))
}

async fn fault(State(devices): State<Devices>, Path(name): Path<String>, body: String) -> Answer {
    let device = find(&devices, &name)?;
    match faults(&body) {
        Ok(faults) => match faults.iter().find(|fault| !fault.fits(device.is_outstation())) {
            Some(strange) => {
                return bad(format!("{strange} is no fault that {name} can have by its protocol"));
            }
            None => device.set_faults(&faults),
        },
        Err(why) => return bad(why),
    }
    Ok(axum::Json(view(device)))
}

/// `none`, or faults with commas between them.
fn faults(body: &str) -> Result<Vec<Fault>, String> {
    let body = body.trim();
    if body == "none" {
        return Ok(Vec::new());
    }
    body.split(',').map(|word| Fault::parse(word.trim()).map_err(|why| format!("{why}; or none"))).collect()
}

fn number(body: &str, most: f64) -> Option<f64> {
    body.trim().parse::<f64>().ok().filter(|n| (0.0..=most).contains(n))
}

fn bad<T>(message: String) -> Result<T, (StatusCode, String)> {
    Err((StatusCode::BAD_REQUEST, message + "\n"))
}

fn find<'a>(devices: &'a Devices, name: &str) -> Result<&'a Device, (StatusCode, String)> {
    devices.get(name).ok_or_else(|| {
        (StatusCode::NOT_FOUND, format!("no device is called \"{name}\"; GET /devices lists them\n"))
    })
}

fn view(device: &Device) -> Value {
    json!({
        "name": device.name(),
        "mrid": device.mrid().as_str(),
        "kind": device.kind().name(),
        "link": device.link(),
        "address": device.place(),
        "rating": device.rated().get(),
        "energy": device.energy().map(|e| e.get()),
        "irradiance": (!device.kind().stores()).then(|| device.irradiance()),
        "soc": device.soc().map(Percent::get),
        "power": device.power().get(),
        "reactive_power": device.reactive_power().get(),
        "connected": device.connected(),
        "limit_active": device.limit_active(),
        "held": device.held(),
        "faults": device.faults().iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests;
