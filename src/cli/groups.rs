//! `dergate groups`: what groups a running gateway has, and what they do now.
//!
//! Asks with the same QueryDERGroups and QueryDERGroupStatuses that a DMS would send.

use super::End;
use super::table::{Align, Table};
use crate::core::service::Reference;
use crate::der::{EndDeviceGroup, Parameter};
use crate::northbound::client::{Client, ClientError};
use crate::northbound::{GroupStatus, Reply, ReplyResult};
use std::collections::HashMap;
use std::io::Write;

/// Shows the groups of a running gateway.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Example:\n    dergate groups --url http://127.0.0.1:8061")]
pub struct Args {
    /// The gateway's northbound
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8061", env = "DERGATE_URL", value_parser = url)]
    pub url: String,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Asks, and prints.
///
/// # Errors
/// The output cannot be written.
pub async fn run(args: Args, out: &mut dyn Write) -> std::io::Result<End> {
    let (groups, statuses) = match ask(&args.url).await {
        Ok(found) => found,
        Err(ended) => return Ok(ended),
    };
    let by_mrid: HashMap<&str, &GroupStatus> =
        statuses.iter().filter_map(|status| Some((status.mrid.as_ref()?.key(), status))).collect();
    let rows: Vec<Row<'_>> =
        groups.iter().map(|group| Row { group, status: by_mrid.get(group.mrid.key()).copied() }).collect();
    if args.json {
        print_json(&rows, out)?
    } else {
        print_table(&rows, out)?
    }
    Ok(End::Done)
}

async fn ask(url: &str) -> Result<(Vec<EndDeviceGroup>, Vec<GroupStatus>), End> {
    let everything = [Reference::default()];
    let client = Client::new(url).map_err(End::from)?;
    let groups = client.query_groups(&everything).await.map_err(End::from)?;
    refused(&groups.reply)?;
    let statuses = client.query_statuses(&everything).await.map_err(End::from)?;
    refused(&statuses.reply)?;
    Ok((groups.objects, statuses.objects))
}

/// A URL that the client can use; checked with the other arguments, so that a wrong one is wrong usage.
pub(super) fn url(text: &str) -> Result<String, ClientError> {
    Client::new(text).map(|_| text.to_owned())
}

/// An ending for a reply that is not OK.
pub(super) fn refused(reply: &Reply) -> Result<(), End> {
    if reply.result == ReplyResult::Ok {
        return Ok(());
    }
    let lines: Vec<String> = reply
        .errors
        .iter()
        .filter(|error| !error.is_acknowledgement())
        .map(|error| {
            let object = error.id.as_ref().map_or_else(String::new, |id| format!("{}: ", id.text));
            let named =
                error.related.as_ref().filter(|id| id.object_type.as_deref() != Some("DERGroupDispatch"));
            let related = named.map_or_else(String::new, |id| format!(" ({})", id.text));
            format!("{object}{}{related} [{}]", error.words(), error.code)
        })
        .collect();
    Err(End::Failed(lines.join("\n")))
}

impl From<ClientError> for End {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::NoAnswer { .. } => Self::NoAnswer(format!(
                "{error}; is dergate running, and is this its [northbound] listen?"
            )),
            // What the admin listener says of itself.
            ClientError::NotUnderstood(words) if words.contains("dergate admin listener") => Self::Failed(
                "this is the admin listener of a dergate; --url is its [northbound] listen, usually http://127.0.0.1:8061"
                    .to_owned(),
            ),
            other => Self::Failed(other.to_string()),
        }
    }
}

/// A group and its status, if it was there at both times of asking.
struct Row<'a> {
    group: &'a EndDeviceGroup,
    status: Option<&'a GroupStatus>,
}

impl Row<'_> {
    fn active_power(&self) -> Option<f64> {
        let values = &self.status?.parameters;
        values.iter().find(|value| value.parameter == Parameter::ActivePower)?.value
    }

    fn functions(&self) -> Vec<&'static str> {
        self.group.functions.iter().map(|function| function.name()).collect()
    }

    fn cells(&self) -> [String; 6] {
        let state = self.status.and_then(|status| status.state.clone());
        [
            self.group.label().to_owned(),
            self.group.mrid.to_string(),
            state.unwrap_or_else(|| "-".to_owned()),
            self.active_power().map_or_else(|| "-".to_owned(), watts),
            self.group.members.len().to_string(),
            self.functions().join(" "),
        ]
    }
}

/// Active power in the prefix that reads best; W below 10 kW.
fn watts(value: f64) -> String {
    match value.abs() {
        size if size >= 10_000_000.0 => format!("{:.2} MW", value / 1e6),
        size if size >= 10_000.0 => format!("{:.1} kW", value / 1e3),
        _ => format!("{value:.0} W"),
    }
}

fn print_table(rows: &[Row<'_>], out: &mut dyn Write) -> std::io::Result<()> {
    if rows.is_empty() {
        return writeln!(out, "no groups");
    }
    let mut table = Table::new([
        ("NAME", Align::Left),
        ("MRID", Align::Left),
        ("STATE", Align::Left),
        ("ACTIVE POWER", Align::Left),
        ("MEMBERS", Align::Left),
        ("FUNCTIONS", Align::Left),
    ]);
    rows.iter().for_each(|row| table.push(row.cells()));
    table.write(out, "")
}

fn print_json(rows: &[Row<'_>], out: &mut dyn Write) -> std::io::Result<()> {
    let groups: Vec<serde_json::Value> = rows
        .iter()
        .map(|row| {
            let values = row.status.map(|status| status.parameters.as_slice()).unwrap_or_default();
            let parameters: Vec<serde_json::Value> = values
                .iter()
                .map(|value| {
                    serde_json::json!({
                        "parameter": value.parameter.literal(),
                        "value": value.value,
                        "installed_max": value.installed_max,
                        "installed_min": value.installed_min,
                        "at": value.at.to_string(),
                    })
                })
                .collect();
            serde_json::json!({
                "mrid": row.group.mrid.as_str(),
                "name": row.group.label(),
                "names": row.group.names.iter().map(|name| name.name.as_str()).collect::<Vec<_>>(),
                "description": row.group.description,
                "functions": row.functions(),
                "members": row.group.members.iter().map(|member| member.as_str()).collect::<Vec<_>>(),
                "state": row.status.and_then(|status| status.state.as_deref()),
                "remark": row.status.and_then(|status| status.remark.as_deref()),
                "parameters": parameters,
            })
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &serde_json::json!({ "groups": groups }))?;
    writeln!(out)
}

#[cfg(test)]
mod tests;
