//! The commands, one a file.

pub(crate) mod ack;
pub(crate) mod apply;
pub(crate) mod attach;
pub(crate) mod away;
pub(crate) mod detach;
pub(crate) mod heads;
pub(crate) mod hello;
pub(crate) mod info;
pub(crate) mod invite;
pub(crate) mod join;
pub(crate) mod kick;
pub(crate) mod lag;
pub(crate) mod leave;
pub(crate) mod limits;
pub(crate) mod members;
pub(crate) mod pending;
pub(crate) mod publish;
pub(crate) mod queue;
pub(crate) mod range;
pub(crate) mod told;
pub(crate) mod trim;
pub(crate) mod waiting;
pub(crate) mod why;
