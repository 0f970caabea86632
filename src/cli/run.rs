//! `dergate run`: the gateway.

use super::End;
use crate::app::Gateway;
use crate::config;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

const EXAMPLE: &str = "\
Example:  dergate check config/gateway.toml && dergate run --config config/gateway.toml";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub(super) struct Args {
    /// The configuration
    #[arg(long, default_value = "/etc/dergate/gateway.toml", env = "DERGATE_CONFIG", value_name = "FILE")]
    config: PathBuf,
}

pub(super) async fn run(args: Args, stop: CancellationToken) -> anyhow::Result<End> {
    let config = match config::load(&args.config) {
        Ok(config) => config,
        Err(faults) => {
            super::say(&faults.to_string());
            let why = "not started; `dergate check FILE` shows the same without starting anything";
            return Ok(End::Failed(why.to_owned()));
        }
    };
    Gateway::start(config).await?.run(stop).await?;
    Ok(End::Done)
}
