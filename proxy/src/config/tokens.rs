//! Who clients are: the tokens that say so.

use crate::times::leeway;
use clap::Args;
use clap::builder::BoolishValueParser;
use std::time::Duration;

/// See the top of the file.
#[derive(Clone, Debug, Args)]
pub struct TokenOptions {
    /// Keys that clients' tokens (JWT) are signed with, separated by commas: files with a secret, a public key (PEM) or a JWKS, or
    /// URLs of a JWKS (https, or http on loopback). A secret is for HS256, or for what stands before it: `HS512:FILE`. Without a key
    /// everybody may do everything
    #[arg(
        long,
        env = "ROOMCAST_TOKEN_KEY",
        value_delimiter = ',',
        value_name = "FILE|URL"
    )]
    pub token_key: Vec<String>,

    /// Whom tokens must be for: one of these in `aud`; anybody if not given
    #[arg(
        long,
        env = "ROOMCAST_TOKEN_AUDIENCE",
        value_delimiter = ',',
        value_name = "NAMES"
    )]
    pub token_audience: Vec<String>,

    /// Who must have given tokens out: one of these in `iss`; anybody if not given
    #[arg(
        long,
        env = "ROOMCAST_TOKEN_ISSUER",
        value_delimiter = ',',
        value_name = "NAMES"
    )]
    pub token_issuer: Vec<String>,

    /// What the clock of whoever gives tokens out may differ by; at most 60s
    #[arg(long, env = "ROOMCAST_TOKEN_LEEWAY", default_value = "5s", value_parser = leeway, value_name = "TIME")]
    pub token_leeway: Duration,

    /// The rights of tokens that say nothing of rooms, as JSON like their `rooms`; none if not given
    #[arg(long, env = "ROOMCAST_DEFAULT_ROOMS", value_name = "JSON")]
    pub default_rooms: Option<String>,

    /// Also takes a token from the query of the address (`/ws?token=…`), where logs of others may show it
    #[arg(long, env = "ROOMCAST_TOKEN_IN_QUERY", value_parser = BoolishValueParser::new())]
    pub token_in_query: bool,
}
