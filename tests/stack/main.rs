//! Starts a redis-server with the module (or several, with sentinels or as a cluster) and a proxy beside it, says where they are, and ends
//! all of them: `scripts/run`.

mod servers;

use clap::Parser;
use harness::process::free_port;
use harness::proxy::{Proxy, reachable};
use servers::Servers;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// A redis-server with the Roomcast module and a proxy beside it, until Ctrl-C.
#[derive(Parser)]
#[command(name = "roomcast-stack")]
struct Options {
    /// Where browsers connect [default: 127.0.0.1:8080, or another port if that is taken]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,

    /// Lets anybody who reaches another address than loopback be anybody
    #[arg(long)]
    open: bool,

    /// The redis-server's port, on loopback [default: 6379, or another one if that is taken]
    #[arg(long, value_name = "PORT")]
    redis_port: Option<u16>,

    /// Keeps the rooms in this folder (without it they end with the program)
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,

    /// A primary, two replicas and three sentinels instead of one server
    #[arg(long, conflicts_with = "data")]
    sentinel: bool,

    /// A cluster of three primaries with a replica each instead of one server
    #[arg(long, conflicts_with_all = ["data", "sentinel", "redis_port"])]
    cluster: bool,

    /// More options for the proxy
    #[arg(last = true, value_name = "PROXY OPTIONS")]
    proxy: Vec<String>,
}

fn main() -> ExitCode {
    // What a test tells by a panic is a sentence for whoever runs this.
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
        eprintln!(
            "roomcast-stack: {}",
            text.unwrap_or("a failure without words")
        );
    }));
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(run(options))
}

async fn run(options: Options) -> ExitCode {
    let mut stopped = stopped();
    let redis_port = options.redis_port.unwrap_or_else(|| free_or_any(6379));
    let listen = options
        .listen
        .unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, free_or_any(8080))));
    let mut servers = if options.cluster {
        Servers::sharded()
    } else if options.sentinel {
        Servers::watched(redis_port)
    } else {
        Servers::one(redis_port, options.data.as_ref())
    };
    let mut proxy_options: Vec<&str> = options.proxy.iter().map(String::as_str).collect();
    proxy_options.extend(options.open.then_some("--open"));
    let mut proxy = Proxy::at(listen, &servers.url(), &proxy_options);
    greet(listen, &servers, &proxy);
    loop {
        tokio::select! {
            () = &mut stopped => break,
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
        }
        let ended = servers.ended().map(|code| ("redis-server", code));
        let of_proxy = || proxy.ended().map(|code| ("roomcast-proxy", code));
        let Some((name, code)) = ended.or_else(of_proxy) else {
            continue;
        };
        // Ctrl-C in a terminal reaches the servers as well: one of them may have been quicker than we.
        if tokio::time::timeout(Duration::from_millis(100), &mut stopped)
            .await
            .is_ok()
        {
            break;
        }
        // A panic prints the sentence, and the dropped servers their logs.
        panic!("{name} ended with exit code {code}; what the servers wrote follows");
    }
    println!("\nStopping.");
    proxy.stop();
    servers.stop();
    ExitCode::SUCCESS
}

fn free_or_any(port: u16) -> u16 {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => port,
        Err(_) => free_port(),
    }
}

fn greet(listen: SocketAddr, servers: &Servers, proxy: &Proxy) {
    let page = format!("http://{}/", reachable(listen));
    let cli = servers.cli();
    println!(
        "
Roomcast runs.

  The demo           {page}
  Two people         {page}?uid=alice&name=Alice&room=lobby
                     {page}?uid=bob&name=Bob&room=lobby
  Close Bob's tab, write as Alice, then look into Bob's queue and open his tab again:

  Who is in          {cli} ROOM.MEMBERS room:lobby
  What waits for Bob {cli} ROOM.QUEUE room:lobby bob
  Say something      {cli} ROOM.PUBLISH room:lobby bot 'hello from redis-cli'
  Metrics            http://127.0.0.1:{}/metrics
{}
Ctrl-C ends all of it.",
        proxy.admin,
        servers.told()
    );
}

/// Done when somebody asks the program to end; asked from the start, so that nothing is left behind.
fn stopped() -> std::pin::Pin<Box<impl Future<Output = ()>>> {
    let on = |kind| signal(kind).expect("a signal handler");
    let mut interrupted = on(SignalKind::interrupt());
    let mut terminated = on(SignalKind::terminate());
    let mut hung_up = on(SignalKind::hangup());
    Box::pin(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
            _ = hung_up.recv() => {}
        }
    })
}
