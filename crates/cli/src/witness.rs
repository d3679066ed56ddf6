//! Running a witness: a small service for another machine, which signs that it has seen the checkpoints of logs and that
//! these only grew.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use actarium_core::tlog::{KeyKind, VerifierKey};
use actarium_server::witness_service::{WitnessServiceOptions, serve};
use clap::Args;
use tokio::sync::oneshot;

use crate::failure::Failure;
use crate::serve::{LogFormat, log_to_stderr};
use crate::stop_signals::StopSignals;

/// Run a witness.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  actarium witness --dir /var/lib/actarium-witness --listen 0.0.0.0:8471 --name witness.example.com \\
    --log \"$(actarium log key --org acme --service)\"
  actarium serve --data-dir data --witness \"http://10.0.0.2:8471=$(curl -s http://10.0.0.2:8471/key)\"

It signs a checkpoint only if the log goes on from the one that it signed before, and has that on disk before it answers.
Run it on another machine than the log, under another operator if you can. Its folder holds its key: keep it, and never
restore an older copy of it.")]
pub struct WitnessArguments {
    /// The folder of its key and of what it has signed; created if it is not there
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Where to listen; port 0 takes any that is free
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8471")]
    listen: SocketAddr,
    /// The name of its key, such as witness.example.com; fixed when the folder is created
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The verifier key of a log, or of a log name, which stands for all organizations of that service; repeatable
    #[arg(long, value_name = "KEY", value_parser = log_key)]
    log: Vec<VerifierKey>,
    /// A file of such keys, one per line; empty lines and those that begin with # are passed over
    #[arg(long, value_name = "FILE")]
    logs_file: Option<PathBuf>,
    /// How the log on stderr is written
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    log_format: LogFormat,
}

fn log_key(text: &str) -> Result<VerifierKey, String> {
    let key = VerifierKey::parse(text.trim()).map_err(|error| error.to_string())?;
    (key.kind() == KeyKind::Log).then_some(key).ok_or_else(|| "it is a witness's key, not a log's".to_owned())
}

impl WitnessArguments {
    fn options(&self) -> Result<WitnessServiceOptions, Failure> {
        let mut logs = self.log.clone();
        if let Some(path) = &self.logs_file {
            let wrong = |detail: String| Failure::Usage(format!("{}: {detail}", path.display()));
            let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
            for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
                if !line.starts_with('#') {
                    logs.push(log_key(line).map_err(|error| wrong(format!("line {}: {error}", number + 1)))?);
                }
            }
        }
        if logs.is_empty() {
            return Err(Failure::Usage("which logs? Give their verifier keys by --log or --logs-file".to_owned()));
        }
        Ok(WitnessServiceOptions { folder: self.dir.clone(), listen: self.listen, name: self.name.clone(), logs })
    }
}

/// Serves until SIGINT or SIGTERM.
pub fn witness(arguments: &WitnessArguments) -> Result<(), Failure> {
    let options = arguments.options()?;
    log_to_stderr(arguments.log_format);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (listening, address) = oneshot::channel();
        let telling = tokio::spawn(async move {
            if let Ok((address, key)) = address.await {
                // Whoever started it may have closed stdout; that is no reason not to serve.
                let _ = writeln!(std::io::stdout(), "listening on http://{address}\nkey {key}");
            }
        });
        let mut signals = StopSignals::listen()?;
        let shutdown = async move { signals.next().await };
        let served = serve(options, listening, shutdown).await;
        telling.abort();
        served.map_err(|error| Failure::Refused(error.to_string()))
    })
}
