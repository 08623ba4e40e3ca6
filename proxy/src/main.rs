//! The program `roomcast-proxy`.

use clap::Parser;
use roomcast_proxy::config::Config;
use roomcast_proxy::{StartError, run};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let config = Config::parse();
    start_logs(config.log_json);
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &format!("the threads could not be started: {error}")),
    };
    runtime.block_on(serve(config))
}

fn start_logs(json: bool) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    if json {
        logs.json().init();
    } else {
        logs.with_ansi(std::io::stderr().is_terminal()).init();
    }
}

async fn serve(config: Config) -> ExitCode {
    let listener = match bind(config.listen).await {
        Ok(listener) => listener,
        Err(code) => return code,
    };
    let admin = match config.admin_listen {
        Some(address) => match bind(address).await {
            Ok(listener) => Some(listener),
            Err(code) => return code,
        },
        None => None,
    };
    match run(config, listener, admin, stopped()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(StartError::Options(why)) => fail(2, &why),
        Err(StartError::Redis(why)) => fail(3, &why),
        Err(StartError::Thread(error)) => {
            fail(1, &format!("the threads could not be started: {error}"))
        }
        Err(StartError::NoModule) => fail(
            4,
            "this Redis has no ROOM.* commands\nLoad the module: redis-server --loadmodule /path/to/libroomcast.so",
        ),
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ExitCode> {
    TcpListener::bind(address).await.map_err(|error| {
        fail(
            5,
            &format!(
                "{address} cannot be listened on: {error}\nAnother address is given with --listen."
            ),
        )
    })
}

async fn stopped() {
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}

fn fail(code: u8, why: &str) -> ExitCode {
    eprintln!("roomcast-proxy: {why}");
    ExitCode::from(code)
}
