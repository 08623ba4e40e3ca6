//! What the tests share: real servers on free ports, clients, and waiting with a deadline.
//!
//! | file | what it holds |
//! |---|---|
//! | [`redis`] | a redis-server with the module, restarted and killed at will |
//! | [`connection`] | a connection to it that waits for each answer, but not for ever |
//! | [`servers`] | which servers there are beside the installed one |
//! | [`cluster`] | two nodes of a cluster, and a slot that moves between them |
//! | [`shards`] | a whole cluster with replicas, whose nodes fail, come and go |
//! | [`slots`] | what a cluster's node says of slots, and how one moves |
//! | [`follower`] | a client of a cluster that goes where it is sent |
//! | [`sentinel`] | a primary, replicas, and sentinels that watch them |
//! | [`proxy`] | a roomcast-proxy, killed and frozen at will |
//! | [`balancer`] | HAProxy or nginx in front of proxies, as the documentation says |
//! | [`client`] | a WebSocket client that sends only what the tutorial's sends |
//! | [`protocol`] | the schemas of docs/protocol |
//! | [`stream`] | its socket, in plain or with TLS |
//! | [`certs`] | an authority of a test's own |
//! | [`attack`] | clients that do what no honest one does |
//! | [`light`] | WebSocket clients by the thousand |
//! | [`http`] | a client of the HTTP API |
//! | [`relay`] | a TCP link that can be cut, stalled or slowed |
//! | [`counted`] | a program whose instructions are counted |
//! | [`random`] | random numbers that can be had again |
//! | [`receiver`] | a receiver of webhooks |
//! | [`clock`] | a wall clock that jumps |
//! | [`value`] | looking into Redis' replies |
//! | [`process`] | children that end with their owner; where the programs are |
//! | [`shown`] | how much a failing test shows |
//! | [`eventually`](mod@eventually) | waiting with a deadline |
//!
//! Servers listen on loopback only, and are ended by pid. The end of what they printed is
//! shown when their test fails; the whole is kept then, and its file named.

pub mod attack;
pub mod balancer;
pub mod certs;
pub mod client;
pub mod clock;
pub mod cluster;
pub mod connection;
pub mod counted;
pub mod eventually;
pub mod follower;
pub mod http;
pub mod light;
pub mod process;
pub mod protocol;
pub mod proxy;
pub mod random;
pub mod receiver;
pub mod redis;
pub mod relay;
pub mod sentinel;
pub mod servers;
pub mod shards;
pub mod shown;
pub mod slots;
pub mod stream;
pub mod value;

pub use eventually::{PATIENCE, eventually};
