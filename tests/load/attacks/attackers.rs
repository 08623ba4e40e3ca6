//! The attacker's process: as many connections as an attack has, each doing the same until the time is over, and beginning
//! again whenever it is closed.

use super::means::{Means, means};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout_at};

/// How soon a connection that was closed comes again: an attacker does not wait as long as it is told.
const AGAIN: Duration = Duration::from_millis(50);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Which attack
    #[arg(long)]
    what: String,
    #[arg(long)]
    port: u16,
    #[arg(long)]
    seconds: u64,
    /// The address that they come from
    #[arg(long)]
    from: IpAddr,
}

/// Where an attacker connects, and from where.
#[derive(Clone, Copy)]
pub(super) struct Way {
    pub(super) to: SocketAddr,
    from: IpAddr,
}

impl Way {
    pub(super) async fn connect(&self) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(self.from, 0))?;
        let stream = socket.connect(self.to).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

pub(super) fn run(options: &Options) {
    let Some(Means { sockets, how }) = means(&options.what) else {
        panic!("there is no attack {}", options.what);
    };
    let way = Way {
        to: SocketAddr::from((Ipv4Addr::LOCALHOST, options.port)),
        from: options.from,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let over = Instant::now() + Duration::from_secs(options.seconds);
        let attackers: Vec<_> = (0..sockets)
            .map(|number| {
                tokio::spawn(async move {
                    let attacks = async {
                        loop {
                            // However it ends, it begins again.
                            let _ = how(way, number).await;
                            sleep(AGAIN).await;
                        }
                    };
                    let _ = timeout_at(over, attacks).await;
                })
            })
            .collect();
        for attacker in attackers {
            let _ = attacker.await;
        }
    });
}
