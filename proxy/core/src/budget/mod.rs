//! What somebody may cost. Each connection has a purse; who pays for it has an account, which outlives the connection.
//!
//! | file | what it holds |
//! |---|---|
//! | [`work`] | what things cost |
//! | [`payer`] | who pays |
//! | `bucket` | what is owed, and paid off at a rate |
//! | [`allowance`] | how many frames a connection may send |
//! | [`purse`] | what one connection has spent |
//! | [`account`] | what somebody owes, and whom an account that many share refuses |
//! | `known` | of whom something is known, up to an end |
//! | [`table`] | the accounts of all who owe something |
//! | [`debts`] | what each of many owes for one thing that is counted |
//! | [`admission`] | whether a login may make a new member |
//! | [`too_fast`] | how a refusal is told |
//! | `voices` | how much is said in a room, and by whom |
//! | [`pressure`] | what becomes of a connection that stays above its budget |
//! | [`strikes`] | who was closed for that again and again |

pub mod account;
pub mod admission;
pub mod allowance;
mod bucket;
pub mod debts;
mod known;
pub mod payer;
pub mod pressure;
pub mod purse;
pub mod strikes;
pub mod table;
pub mod too_fast;
pub(crate) mod voices;
pub mod work;

#[cfg(test)]
mod tests;
