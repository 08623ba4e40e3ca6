//! The link to Redis: one connection for commands, to which this proxy's sessions are tied, and one for announcements.
//! They live and die together, and nothing is ever repeated behind anybody's back.
//!
//! | file | what it holds |
//! |---|---|
//! | `address` | where Redis is, and how that is shown |
//! | `several` | addresses that name several servers |
//! | `way` | how we come to a server, and one server with that |
//! | `access` | as whom we come there, and whom we trust |
//! | `backoff` | waits between attempts |
//! | `identity` | who this proxy is to Redis |
//! | `dial` | one connection |
//! | `turns` | lets the others have their turn |
//! | `pair` | a new pair of connections |
//! | `refusal` | what can be wrong with it |
//! | `lane` | requests on one connection, whose answers come in their order |
//! | `commands` | questions as commands, replies as answers |
//! | `sentences` | errors of Redis as our clients are told them |
//! | `value` | reading replies |
//! | `bans` | follows the stream of bans |
//! | `bans_there` | where it is in a cluster |
//! | `lanes` | the two connections of a pair, and what waits for them |
//! | `renew` | renews a pair's lease |
//! | `pairs` | the pairs that are there, and where questions for them go |
//! | `node` | one pair from its making to its end: carries questions and answers |
//! | `itself` | what a server says of itself |
//! | `views` | what sentinels say, and what is made of it |
//! | `sentinel` | follows one sentinel |
//! | `primary` | where the pair is to go |
//! | `single` | keeps one pair up for ever, there |
//! | `slots` | what a cluster's node says of who owns which slots |
//! | `owners` | who owns which slot, and on which pair its rooms are |
//! | `board` | what all pairs to a cluster share |
//! | `look` | asking a cluster's nodes who owns what |
//! | `cluster` | keeps a pair up for ever to each node that owns slots |
//! | `means` | what every pair works with |
//! | `health` | what others see of the link |

mod access;
mod address;
mod backoff;
mod bans;
mod bans_there;
mod board;
mod cluster;
mod commands;
mod dial;
mod health;
mod identity;
mod itself;
mod lane;
mod lanes;
mod look;
mod means;
mod node;
mod owners;
mod pair;
mod pairs;
mod primary;
mod refusal;
mod renew;
mod sentences;
mod sentinel;
mod several;
mod single;
mod slots;
mod turns;
mod value;
mod views;
mod way;

pub(crate) use address::Address;
pub(crate) use bans::KEY as BANS;
pub(crate) use cluster::Cluster;
pub(crate) use health::Link;
pub(crate) use means::Means;
pub(crate) use pairs::{Pairs, Questions};
pub(crate) use refusal::Refusal;
pub(crate) use single::Single;
