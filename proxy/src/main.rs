//! The program `roomcast-proxy`.

use clap::Parser;
use roomcast_proxy::config::Config;
use roomcast_proxy::{Listeners, StartError, run};
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::panic::PanicHookInfo;
use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tracing::error;
use tracing_subscriber::EnvFilter;

/// Why this one: Cargo.toml.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// On a terminal, unless its user does not want any (no-color.org) or it has none.
fn has_colours() -> bool {
    let is = |name, of: fn(&str) -> bool| std::env::var(name).is_ok_and(|value| of(&value));
    let unwanted = is("NO_COLOR", |value| !value.is_empty()) || is("TERM", |value| value == "dumb");
    std::io::stderr().is_terminal() && !unwanted
}

fn main() -> ExitCode {
    let config = match Config::try_parse() {
        Ok(config) => config,
        // Help and the version.
        Err(asked) if !asked.use_stderr() => asked.exit(),
        Err(wrong) => {
            eprint!("{}", without_addresses(&wrong.to_string()));
            return ExitCode::from(2);
        }
    };
    if config.print_acl {
        return print_acl(&config);
    }
    start_logs(config.log_json);
    std::panic::set_hook(Box::new(tell_panic));
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(1, &format!("the threads could not be started: {error}")),
    };
    runtime.block_on(serve(config))
}

fn print_acl(config: &Config) -> ExitCode {
    match roomcast_proxy::acl::rule(config) {
        Ok(rule) => {
            println!("{rule}");
            ExitCode::SUCCESS
        }
        Err(why) => fail(2, &why),
    }
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
        logs.with_ansi(has_colours()).init();
    }
}

/// What is wrong with the options, without the addresses that were given: they may hold a password.
fn without_addresses(said: &str) -> String {
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        let ours = name.to_string_lossy().starts_with("ROOMCAST_");
        ours.then_some(value)
    });
    let mut said = said.to_owned();
    for given in std::env::args_os().chain(variables) {
        let given = given.to_string_lossy();
        let value = match given.split_once('=') {
            Some((option, value)) if option.starts_with('-') => value,
            _ => &given,
        };
        if value.contains("://") {
            said = said.replace(value, "(an address, not shown)");
        }
    }
    said
}

/// In the log like everything else, and so also as JSON.
fn tell_panic(panic: &PanicHookInfo<'_>) {
    let payload = panic.payload();
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let why = text.or_else(|| payload.downcast_ref::<&str>().copied());
    let place = panic.location().map(ToString::to_string);
    let thread = std::thread::current();
    error!(
        why,
        place,
        thread = thread.name(),
        "a part of the proxy failed"
    );
}

async fn serve(config: Config) -> ExitCode {
    let listeners = match listeners(&config).await {
        Ok(listeners) => listeners,
        Err(code) => return code,
    };
    let Ok(mut signals) = Signals::new() else {
        return fail(1, "signals cannot be listened to");
    };
    let (stop, stopped) = oneshot::channel();
    let told = async {
        signals.next().await;
        let _ = stop.send(());
        signals.next().await;
    };
    let stopped = async { stopped.await.unwrap_or(()) };
    let ended = tokio::select! {
        ended = run(config, listeners, stopped) => ended,
        () = told => return fail(1, "a second signal ends it at once: clients were not told, and not all that they confirmed is reported"),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(StartError::Options(why)) => fail(2, &why),
        Err(StartError::Redis(why)) => fail(3, &why),
        Err(StartError::Thread(error)) => {
            fail(1, &format!("the threads could not be started: {error}"))
        }
        Err(StartError::Failed) => fail(1, "a part that everything needs has failed"),
        Err(StartError::NoModule) => fail(
            4,
            "this Redis has no ROOM.* commands\nLoad the module: redis-server --loadmodule /path/to/libroomcast.so",
        ),
    }
}

async fn listeners(config: &Config) -> Result<Listeners, ExitCode> {
    let public = bind(config.listen).await?;
    let (mut admin, mut api) = (None, None);
    if let Some(address) = config.admin_listen {
        admin = Some(bind(address).await?);
    }
    if let Some(address) = config.api.api_listen {
        api = Some(bind(address).await?);
    }
    Ok(Listeners { public, admin, api })
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

/// Those that end the program.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn fail(code: u8, why: &str) -> ExitCode {
    eprintln!("roomcast-proxy: {why}");
    ExitCode::from(code)
}
