//! Follows the stream of bans wherever it is in a cluster: where its slot is, and where its key is before its slot.

use super::bans::{KEY, follow};
use super::board::Board;
use super::means::Means;
use super::slots::{Place, sent_to};
use hub_core::ask::Fault;
use room_core::slots::slot_of;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// How soon it is looked for again.
const AGAIN: Duration = Duration::from_millis(200);

/// For ever.
pub(super) async fn follow_bans(board: Arc<Board>, means: Arc<Means>) {
    let slot = slot_of(KEY.as_bytes());
    let mut asking: Option<Place> = None;
    loop {
        let place = asking.take();
        let asks = place.is_some();
        let Some(place) = place.or_else(|| board.owner(slot)) else {
            sleep(AGAIN).await;
            continue;
        };
        let Some(mut pair) = board.linked().remove(&place) else {
            sleep(AGAIN).await;
            continue;
        };
        let ended = tokio::select! {
            fault = follow(pair.commands, asks, means.banned.clone()) => Some(fault),
            _ = pair.lives.changed() => None,
        };
        if let Some(Fault::Refused { code, message }) = &ended
            && let Some((_, to)) = sent_to(message, &place)
        {
            match code.as_str() {
                "MOVED" => board.sent(slot, to),
                _ => {
                    board.asked(to.clone());
                    asking = Some(to);
                }
            }
        }
        if asking.is_none() {
            sleep(AGAIN).await;
        }
    }
}
