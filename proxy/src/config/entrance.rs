//! Who may connect, and on whose word.

use crate::http::fronts::network;
use clap::Args;
use clap::builder::BoolishValueParser;
use ipnet::IpNet;

/// See the top of the file.
#[derive(Clone, Debug, Args)]
pub struct EntranceOptions {
    /// Addresses or networks of proxies that are believed whom they connect for (X-Forwarded-For, X-Forwarded-Host, PROXY
    /// protocol), separated by commas; they have no limit by address themselves
    #[arg(long, env = "ROOMCAST_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network, value_name = "NETWORKS")]
    pub trusted_proxies: Vec<IpNet>,

    /// Each connection to --listen comes from a trusted proxy and begins with a line of the PROXY protocol (version 1 or 2)
    #[arg(long, env = "ROOMCAST_PROXY_PROTOCOL", value_parser = BoolishValueParser::new())]
    pub proxy_protocol: bool,

    /// Lets anybody be anybody although no key is set: on another address than loopback, or behind a reverse proxy
    #[arg(long, env = "ROOMCAST_OPEN", value_parser = BoolishValueParser::new())]
    pub open: bool,

    /// Origins that pages may come from, separated by commas (`null`: pages opened from disk). Without a key these come
    /// beside the proxy's own and, on loopback, those of this machine; with one they are the only ones [default: any]
    #[arg(
        long,
        env = "ROOMCAST_ORIGINS",
        value_delimiter = ',',
        value_name = "ORIGINS"
    )]
    pub origins: Vec<String>,
}
