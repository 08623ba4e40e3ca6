//! Who publishes: one client that waits until the server has each message.

use super::person::Protocol;
use crate::crowd::Said;
use harness::light::Light;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::runtime::Runtime;

/// How long a server may take to confirm.
const PATIENCE: Duration = Duration::from_secs(120);

/// Publishes to the room, the way that the peer recommends.
pub(crate) trait Publish: Send {
    /// Sends these together and waits until the server has confirmed them all.
    fn publish(&mut self, messages: &[String]) -> io::Result<()>;
}

/// How a client publishes over WebSocket.
pub(crate) trait Words: Send {
    /// The first words, until [`Words::is_in`].
    fn hello(&self) -> Vec<Said>;
    /// Whether this lets it begin.
    fn is_in(&mut self, bytes: &[u8]) -> bool;
    /// One message.
    fn say(&mut self, message: &str) -> Said;
    /// How many of the messages this confirms, and what is to be answered.
    fn confirmed(&mut self, bytes: &[u8]) -> (usize, Option<Said>);
}

/// See the top of the file.
pub(crate) struct Speaker<W> {
    runtime: Runtime,
    light: Light,
    words: W,
}

impl<W: Words> Speaker<W> {
    /// One who is in; `protocol` knows the path.
    pub(crate) fn new(port: u16, protocol: &dyn Protocol, mut words: W) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (path, subprotocol) = protocol.path();
        let light = runtime.block_on(patiently(async {
            let mut light = Light::connect(to, path, subprotocol).await?;
            for said in words.hello() {
                send(&mut light, said).await?;
            }
            while !words.is_in(&light.next().await?) {}
            Ok(light)
        }))?;
        Ok(Self {
            runtime,
            light,
            words,
        })
    }
}

impl<W: Words> Publish for Speaker<W> {
    fn publish(&mut self, messages: &[String]) -> io::Result<()> {
        let Self {
            runtime,
            light,
            words,
        } = self;
        runtime.block_on(patiently(async {
            for message in messages {
                send(light, words.say(message)).await?;
            }
            let mut confirmed = 0;
            while confirmed < messages.len() {
                let (many, answer) = words.confirmed(&light.next().await?);
                confirmed += many;
                if let Some(said) = answer {
                    send(light, said).await?;
                }
            }
            Ok(())
        }))
    }
}

async fn patiently<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(done) => done,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

async fn send(light: &mut Light, said: Said) -> io::Result<()> {
    match said {
        Said::Text(text) => light.send(&text).await,
        Said::Binary(bytes) => light.send_binary(&bytes).await,
    }
}
