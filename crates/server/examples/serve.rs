//! The service embedded in another program: opens a folder, serves until Ctrl-C.
//!
//! `cargo run -p actarium-server --example serve -- serve --data-dir DIR --listen 127.0.0.1:0`

use std::net::SocketAddr;

use actarium_server::{ServerOptions, serve};
use actarium_store::EngineOptions;
use tokio::sync::oneshot;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |name: &str| arguments.iter().skip_while(|argument| *argument != name).nth(1).cloned();
    let data_dir = after("--data-dir").ok_or("--data-dir DIR is needed")?;
    let listen: SocketAddr = after("--listen").unwrap_or_else(|| "127.0.0.1:8470".into()).parse()?;
    let demo = arguments.iter().any(|argument| argument == "--demo");
    let options = ServerOptions { engine: EngineOptions::new(data_dir), listen, demo };
    let (listening, address) = oneshot::channel();
    tokio::spawn(async move {
        if let Ok(address) = address.await {
            println!("listening on http://{address}");
        }
    });
    let interrupted = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    serve(options, listening, interrupted).await?;
    Ok(())
}
