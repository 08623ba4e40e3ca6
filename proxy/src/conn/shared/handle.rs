//! A connection as rooms have it.

use super::Conn;
use bytes::Bytes;
use hub_core::event::LoginNumber;
use hub_core::handle::{Handle, Push, Pushed};
use std::sync::Arc;

/// See the top of the file.
#[derive(Clone)]
pub(crate) struct ConnHandle(pub(crate) Arc<Conn>);

impl Handle for ConnHandle {
    #[inline]
    fn push(&self, now: u64, frames: &Bytes, how: Push) -> Pushed {
        let conn = &*self.0;
        let mut state = conn.state();
        if state.news.closed || state.is_over {
            return Pushed::Gone;
        }
        let queued = state.outbox.bytes();
        let (asks, full) = match how {
            Push::Answer | Push::Begin => (false, false),
            Push::Told { asks } => (asks, false),
            Push::Live { asks } => (
                asks,
                queued > 0 && queued + frames.len() > conn.outbox_limit,
            ),
            Push::Page { asks } => (asks, queued > conn.outbox_limit / 4),
        };
        if full {
            state.tells_low = true;
            return Pushed::Full;
        }
        if asks {
            return Pushed::Taken(conn.write_noted(&mut state, frames, now));
        }
        conn.write(&mut state, frames, how == Push::Begin);
        Pushed::Taken(state.beats.next())
    }

    fn done(&self, bytes: usize) {
        let mut state = self.0.state();
        state.news.done += 1;
        state.news.done_bytes += bytes;
        if state.tells_done {
            self.0.news.notify_one();
        }
    }

    fn spent(&self, work: u64) {
        self.0.state().news.work += work;
    }

    fn ended(&self, roomid: &Arc<str>, login: LoginNumber) {
        // The task asks for it before it looks at the client's next event.
        self.0.state().news.ended.push((roomid.clone(), login));
    }
}
