//! The whole, as clients see it: a real Redis, real proxies, plain WebSocket clients.
//!
//! | file | what it shows |
//! |---|---|
//! | `story` | who was away gets exactly what was missed, once, in order |
//! | `devices` | positions, ids, several connections of one uid |
//! | `losses` | what is gone is told until it is read |
//! | `history` | reading back what was said before |
//! | `pings` | a client's own heartbeats |
//! | `returns` | a slow device of a uid whose other one reads on, while something fails |
//! | `databases` | two databases of one Redis |
//! | `names` | proxies of one name, kicks, a slot that moves |
//! | `bans` | who is banned goes, and does not come back |
//! | `badinput` | bad input to every event |
//! | `poison` | messages that common readers cannot read |
//! | `redis_cli` | what an operator types reaches browsers |
//! | `crash`, `link`, `redis_away` | proxies, links and Redis die, freeze and come back |
//! | `sentinel` | sentinels, and the primary that they lead to |
//! | `shards` | what goes wrong with a cluster, one thing at a time |
//! | `role` | a server that became a replica |
//! | `refused` | a Redis that answers, and refuses |
//! | `relink` | many rooms come back over a slow link |
//! | `placement` | a room at one proxy, by a load balancer |
//! | `storm` | thousands come back at once |
//! | `ends` | file descriptors run out; a peer is gone while its events wait |
//! | `addresses` | whose address a connection counts for behind trusted proxies |
//! | `limits` | what strangers may take: connections, time, file descriptors |
//! | `budget` | what one client may cost the others |
//! | `newcomers` | new memberships an hour |
//! | `speech` | bytes a second that somebody may publish |
//! | `slow` | a client that reads slowly |
//! | `access` | a proxy with the rights that the documentation gives it, and no more |
//! | `start` | options, what is wrong with a Redis, secrets that are not shown |
//! | `tokens` | who may enter, and what they may do |
//! | `tls` | TLS to browsers and to Redis |
//! | `closing` | what a client is told before its connection is closed |
//! | `drain` | how a proxy ends, and that nothing is lost by it |
//! | `protocol` | docs/protocol: schemas and vectors |
//! | `codes` | errors of Redis as clients are told them |
//! | `guests` | who is in a room without belonging to it |
//! | `told` | what the log tells of connections |
//! | `frames` | frames by the letter of RFC 6455, in the classes of Autobahn's suite |
//! | `door` | who may come in, the upgrade by the letter, headers |
//! | `http` | pages, health, exit codes |
//! | `api` | the HTTP API for backends |
//! | `admin` | the admin page |
//! | `observed` | what dashboard and alerts ask for is there |
//! | `waiting` | a webhook that is told of mail that waits |
//! | `waiting_far` | the same over TLS, and of every primary of a cluster |

mod access;
mod addresses;
mod admin;
mod api;
mod badinput;
mod bans;
mod budget;
mod closing;
mod cluster;
mod codes;
mod crash;
mod databases;
mod devices;
mod door;
mod drain;
mod ends;
mod frames;
mod guests;
mod history;
mod http;
mod limits;
mod link;
mod losses;
mod names;
mod newcomers;
mod observed;
mod pings;
mod placement;
mod poison;
mod protocol;
mod redis_away;
mod redis_cli;
mod refused;
mod relink;
mod returns;
mod role;
mod sentinel;
mod shards;
mod slow;
mod speech;
mod start;
mod storm;
mod story;
mod tls;
mod tokens;
mod told;
mod waiting;
mod waiting_far;
