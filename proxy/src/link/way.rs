//! How we come to a server, whichever it is: as whom, with TLS or not, to which database. And one server with that.

use super::access::Access;
use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo, RedisResult,
};
use rustls::ClientConfig;
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

/// What a connection needs, as the files are now.
pub(super) struct Opened {
    pub(super) client: Client,
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
    /// Host and port; nothing for a Unix socket.
    pub(super) fn host(&self) -> (&str, u16) {
        match &self.at {
            ConnectionAddr::Tcp(host, port) => (host, *port),
            _ => ("", 0),
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
        let client = self.info(settings).and_then(Client::open);
        let client = client.map_err(|error| error.to_string())?;
        let files = || access.files.client();
        let tls = self.way.is_tls.then(files).transpose();
        let tls = tls.map_err(|why| format!("TLS with Redis: {why}"))?;
        Ok(Opened { client, tls })
    }

    fn info(&self, settings: RedisConnectionInfo) -> RedisResult<ConnectionInfo> {
        let info = self.at.clone().into_connection_info()?;
        Ok(info.set_redis_settings(settings))
    }
}
