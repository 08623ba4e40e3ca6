//! The module in a real redis-server, property by property.

mod acl;
mod announce;
mod commands;
mod corrupt;
mod docs;
mod errors;
mod keyspace;
mod limits;
mod memory;
mod persistence;
mod presence;
mod replication;
mod workload;
