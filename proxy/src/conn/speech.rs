//! What a connection may publish: an event that is too much is refused, and is as if it had not come.

use super::admission::payer;
use super::brake::Brakes;
use super::shared::Conn;
use crate::speech::Whose;
use hub_core::budget::too_fast::TooFast;
use hub_core::event::Event;
use hub_core::events;
use hub_core::wire::About;

/// Whether the event is refused, as its client is told; `tokens`: a token proved whose `uid` is logged in here.
pub(super) fn is_refused(
    conn: &Conn,
    brakes: &Brakes,
    (tokens, uid): (bool, Option<&str>),
    roomid: &str,
    event: &Event,
) -> bool {
    let (Event::Publish(out) | Event::Signal(out)) = event else {
        return false;
    };
    let budgets = &brakes.budgets;
    let somebody = uid.and_then(|uid| {
        let payer = payer(conn, budgets, tokens, uid);
        budgets.somebody(payer, Some(uid))
    });
    let bytes = (out.event.len() + out.fields.len()) as u64;
    let Err((whose, told)) = budgets.speech.say(conn.id(), somebody, bytes) else {
        return false;
    };
    match whose {
        Whose::Connection => brakes.metrics.too_fast_connection.inc(),
        Whose::Uid => brakes.metrics.too_fast_uid.inc(),
    };
    let about = About {
        event: Some(out.event.clone()),
        roomid: Some(roomid.to_owned()),
        id: out.id.clone(),
    };
    conn.say(&events::error(TooFast::CODE, &told.to_string(), &about));
    true
}
