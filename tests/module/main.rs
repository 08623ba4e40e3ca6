//! The module in a real redis-server, property by property.
//!
//! | file | what it shows |
//! |---|---|
//! | `commands` | what each command does |
//! | `replies`, `shape` | docs/replies.md is true: how each command answers in RESP2 and RESP3 |
//! | `errors`, `corrupt` | nonsense and damaged dumps are refused; nothing changes, the server lives |
//! | `persistence`, `replication`, `keyspace`, `room_ids` | a room is the same after every way of saving, copying and replicating it |
//! | `presence`, `announce`, `names` | who is online, what subscribers hear, whose a proxy's name is |
//! | `devices`, `held` | the slowest device of a uid is what it has, also of those that a server never saw |
//! | `losses` | who is told that messages are gone is told until it acknowledges something behind them |
//! | `timer`, `ends` | what the module does without a command, and when it must not |
//! | `settings` | units, nonsense, which value holds; uids that are no longer given |
//! | `time` | a wall clock that jumps moves nothing |
//! | `limits`, `memory`, `allocator` | what a room keeps, and what that costs |
//! | `acl`, `docs`, `cluster` | rooms among users, clients and nodes |
//! | `waiting` | for whom mail waits |
//! | `reshard` | a slot moves while people talk |
//! | `workload`, `random`, `ear` | what the others share |
//! | `tools` | that the tests' own tools do what the others rely on |

mod acl;
mod allocator;
mod announce;
mod cluster;
mod commands;
mod corrupt;
mod databases;
mod devices;
mod docs;
mod ear;
mod ends;
mod errors;
mod held;
mod keyspace;
mod limits;
mod losses;
mod memory;
mod names;
mod persistence;
mod presence;
mod random;
mod replication;
mod replies;
mod reshard;
mod room_ids;
mod settings;
mod shape;
mod time;
mod timer;
mod tools;
mod waiting;
mod workload;
