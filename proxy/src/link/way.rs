//! How we come to a server, whichever it is: as whom, with TLS or not, to which database. And one server with that.

use super::access::Access;
use redis::{ConnectionAddr, RedisConnectionInfo};
use rustls::ClientConfig;
use std::path::Path;
use std::sync::Arc;

/// See the top of the file. Not shown by anything: there may be a password in it.
pub(super) struct Way {
    pub(super) settings: RedisConnectionInfo,
    pub(super) is_tls: bool,
    pub(super) access: Access,
    /// What an address of one server begins with.
    pub(super) scheme: String,
}

/// One server, and how we come to it.
#[derive(Clone)]
pub(crate) struct Endpoint {
    at: ConnectionAddr,
    way: Arc<Way>,
    pub(crate) shown: String,
}

/// What there is to connect to.
pub(super) enum Spot<'a> {
    Socket(&'a Path),
    Port(&'a str, u16),
}

/// What a connection needs, as the files are now.
pub(super) struct Opened {
    pub(super) settings: RedisConnectionInfo,
    /// How to speak TLS, if that is wanted.
    pub(super) tls: Option<Arc<ClientConfig>>,
}

impl Way {
    /// The server there.
    pub(super) fn to(self: &Arc<Self>, at: ConnectionAddr) -> Endpoint {
        let mut shown = format!("{}://{at}", self.scheme);
        if self.settings.db() != 0 {
            shown = format!("{shown}/{}", self.settings.db());
        }
        Endpoint {
            at,
            way: self.clone(),
            shown,
        }
    }
}

impl Endpoint {
    /// What to connect to.
    pub(super) fn spot(&self) -> Spot<'_> {
        match &self.at {
            ConnectionAddr::Unix(path) => Spot::Socket(path),
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                Spot::Port(host, *port)
            }
            _ => Spot::Port("", 0),
        }
    }

    /// Where it is, without how we come there.
    pub(super) fn place(&self) -> String {
        self.at.to_string()
    }

    /// Reads the files that are part of it.
    ///
    /// # Errors
    /// With a sentence about one of them.
    pub(super) fn open(&self) -> Result<Opened, String> {
        let access = &self.way.access;
        let mut settings = self.way.settings.clone();
        if let Some(user) = &access.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = access.password()? {
            settings = settings.set_password(password);
        }
        let files = || access.files.client();
        let tls = self.way.is_tls.then(files).transpose();
        let tls = tls.map_err(|why| format!("TLS with Redis: {why}"))?;
        Ok(Opened { settings, tls })
    }
}
