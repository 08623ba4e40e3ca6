//! What a client's events do. One connection's events are handled one after the other, so its messages keep their order.

use crate::close::Close;
use crate::conn::Conn;
use crate::hub::acks::Leave;
use crate::hub::{Hub, Msg, NewSeat, report_before_join, tell_start};
use crate::redis::Fault;
use crate::redis::commands::{Joined, Published};
use crate::server::Server;
use crate::session::Slot;
use crate::wire::{self, About, Bad, ClientEvent, Login, Outgoing};
use crate::{clock, metrics};
use room_core::position::Position;
use serde_json::json;
use serde_json::value::RawValue;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tracing::debug;

/// A connection may send so many seconds' worth of events at once.
const BURST_SECONDS: f64 = 10.0;

/// Messages of one connection that are stored but not confirmed yet; with more the next event waits.
const MOST_UNCONFIRMED: usize = 64;

/// A room that this connection logged in to.
struct Place {
    hub: Arc<Hub>,
    seat: NewSeat,
    name: Option<Box<RawValue>>,
}

pub(crate) struct Events {
    server: Arc<Server>,
    conn: Arc<Conn>,
    places: Vec<Place>,
    /// Counts the messages whose `sent` is under way.
    unconfirmed: Option<Arc<Semaphore>>,
    /// Events that may come at once, and when that was reckoned.
    allowance: f64,
    reckoned: u64,
}

/// A code and a sentence for the client.
type Refusal = (String, String);

impl Events {
    pub(crate) fn new(server: Arc<Server>, conn: Arc<Conn>) -> Self {
        let allowance = f64::from(server.config.max_rate) * BURST_SECONDS;
        Self {
            server,
            conn,
            places: Vec::new(),
            unconfirmed: None,
            allowance,
            reckoned: clock::now_ms(),
        }
    }

    /// Handles one event; an error closes the connection.
    pub(crate) async fn handle(&mut self, text: &str) -> Result<(), Close> {
        metrics::EVENTS.up();
        self.heard();
        if !self.allows() {
            metrics::FLOODS.up();
            return Err(Close::Flood);
        }
        let event = match wire::parse(text) {
            Ok(event) => event,
            Err(Bad {
                code,
                message,
                about,
            }) => {
                self.refuse(&about, (code.to_owned(), message));
                return Ok(());
            }
        };
        let about = about(&event);
        // In a box of its own: what an event needs is not to be kept for a connection at rest.
        if let Err(refusal) = Box::pin(self.apply(event)).await {
            self.refuse(&about, refusal);
        }
        Ok(())
    }

    fn allows(&mut self) -> bool {
        let now = clock::now_ms();
        let rate = f64::from(self.server.config.max_rate);
        let earned = (now - self.reckoned) as f64 / 1000.0 * rate;
        self.reckoned = now;
        self.allowance = (self.allowance + earned).min(rate * BURST_SECONDS) - 1.0;
        self.allowance >= 0.0
    }

    fn refuse(&self, about: &About, (code, message): Refusal) {
        metrics::BAD_EVENTS.up();
        debug!(code, message, "an event was refused");
        self.conn.send(&wire::error(&code, &message, about));
    }

    async fn apply(&mut self, event: ClientEvent) -> Result<(), Refusal> {
        match event {
            ClientEvent::Login(login) => self.login(login).await,
            ClientEvent::Message(message) => self.publish(message).await,
            ClientEvent::Other(event) => self.publish_ephemeral(event).await,
            // Its reader has counted it as a sign of life.
            ClientEvent::Heartbeat { answers: false } => Ok(()),
            ClientEvent::Heartbeat { answers: true } => {
                let mut confirmed = Vec::new();
                self.conn
                    .confirmations(|c| c.answered(|slot, to| confirmed.push((slot, to))));
                self.confirm(&confirmed);
                Ok(())
            }
            ClientEvent::Ack { roomid, position } => self.ack(roomid.as_deref(), position),
            ClientEvent::Logout(roomid) => self.logout(roomid.as_deref()).await,
            ClientEvent::Leave(roomid) => self.leave(roomid.as_deref()).await,
            ClientEvent::Members { roomid, cursor } => {
                self.members(roomid.as_deref(), cursor).await
            }
        }
    }

    /// Where a room's place is in the list. Places that the room itself ended (a kick, say) are forgotten.
    fn place(&mut self, roomid: Option<&str>) -> Result<usize, Refusal> {
        let seated = |place: &Place| self.conn.confirmations(|c| c.has(place.seat.id));
        let (stay, gone): (Vec<Place>, Vec<Place>) = std::mem::take(&mut self.places)
            .into_iter()
            .partition(seated);
        self.places = stay;
        gone.iter()
            .for_each(|place| self.server.hubs.leave(&place.hub));
        let found = match roomid {
            Some(roomid) => self
                .places
                .iter()
                .position(|place| place.hub.roomid == roomid),
            None => (!self.places.is_empty()).then_some(0),
        };
        found.ok_or_else(|| match roomid {
            Some(roomid) => ("NOLOGIN".into(), format!("log in to room '{roomid}' first")),
            None => ("NOLOGIN".into(), "log in to a room first".into()),
        })
    }

    async fn login(&mut self, login: Login) -> Result<(), Refusal> {
        if let Ok(at) = self.place(Some(&login.roomid)) {
            self.end_place(at, Leave::Away).await;
        }
        if self.places.len() >= self.server.config.max_rooms {
            let what = format!(
                "a connection may be in {} rooms at most",
                self.server.config.max_rooms
            );
            return Err(("LIMIT".into(), what));
        }
        let hub = self
            .server
            .hubs
            .enter(&login.roomid)
            .await
            .map_err(refusal)?;
        report_before_join(&hub, &login.uid).await;
        let joined = match self
            .server
            .redis
            .join(&hub.key, &login.uid, login.since, login.history)
            .await
        {
            Ok(joined) => joined,
            Err(fault) => {
                hub.abort(&login.uid);
                self.server.hubs.leave(&hub);
                return Err(refusal(fault));
            }
        };
        self.take_place(hub, login, joined).await;
        Ok(())
    }

    async fn take_place(&mut self, hub: Arc<Hub>, login: Login, joined: Joined) {
        let seat = NewSeat {
            id: self.server.new_id(),
            conn: self.conn.clone(),
            uid: login.uid.as_str().into(),
        };
        self.conn
            .confirmations(|c| c.open(seat.id, joined.position, login.acks));
        hub.acks(|acks| acks.enter(&seat.uid, seat.id, joined.position, joined.kicks));
        hub.set_counts(joined.online, joined.members);
        let echo = json!({
            "event": "login", "roomid": hub.roomid, "uid": login.uid,
            "position": joined.position.to_string(), "pending": joined.pending,
            "resumed": joined.resumed, "new": joined.new,
            "total": joined.members, "num": joined.online,
        });
        let echo = wire::with_name(echo.to_string(), login.name.as_deref());
        // What was missed follows, or 'synced' does.
        self.conn.begin(&echo);
        tell_start(&seat, &hub.roomid, &joined, login.since);
        hub.tell(Msg::Start(joined.head)).await;
        hub.tell(Msg::Enter {
            seat: seat.clone(),
            at: joined.position,
            head: joined.head.seq,
        })
        .await;
        self.places.push(Place {
            hub,
            seat,
            name: login.name,
        });
    }

    async fn publish(&mut self, message: Outgoing) -> Result<(), Refusal> {
        let at = self.place(message.roomid.as_deref())?;
        let place = &self.places[at];
        let id = message.id.clone();
        let payload = with_id(message).payload(place.name.as_deref());
        let published = self
            .server
            .redis
            .publish(&place.hub.key, &place.seat.uid, &payload, id.as_deref())
            .await;
        let published = published.map_err(refusal)?;
        let Some(id) = id else { return Ok(()) };
        let hub = place.hub.clone();
        match published.position {
            Some(position) => self.conn.send(&sent(&hub, &id, &published, position)),
            None => self.tell_sent_later(hub, id, published).await,
        }
        Ok(())
    }

    /// Confirms a message whose position an older module does not tell: it comes with the announcement, which may have to
    /// wait for a busy room; the connection's next event need not wait for that, unless too many do.
    async fn tell_sent_later(&mut self, hub: Arc<Hub>, id: String, published: Published) {
        let conn = self.conn.clone();
        let told = async move {
            let position = hub.position_of(published.seq).await;
            conn.send(&sent(&hub, &id, &published, position));
        };
        let unconfirmed = self
            .unconfirmed
            .get_or_insert_with(|| Arc::new(Semaphore::new(MOST_UNCONFIRMED)));
        match unconfirmed.clone().try_acquire_owned() {
            Ok(permit) => drop(tokio::spawn(async move {
                told.await;
                drop(permit);
            })),
            Err(_) => told.await,
        }
    }

    async fn publish_ephemeral(&mut self, event: Outgoing) -> Result<(), Refusal> {
        let at = self.place(event.roomid.as_deref())?;
        let place = &self.places[at];
        let payload = with_id(event).payload(place.name.as_deref());
        let done = self
            .server
            .redis
            .publish_ephemeral(&place.hub.key, &place.seat.uid, &payload)
            .await;
        done.map_err(refusal)
    }

    fn ack(&mut self, roomid: Option<&str>, position: Position) -> Result<(), Refusal> {
        let at = self.place(roomid)?;
        let place = &self.places[at];
        if !self
            .conn
            .confirmations(|c| c.acked(place.seat.id, position))
        {
            return Err((
                "BADPOS".into(),
                format!("'{position}' was not sent on this connection"),
            ));
        }
        place.hub.confirm(&place.seat.uid, place.seat.id, position);
        Ok(())
    }

    async fn logout(&mut self, roomid: Option<&str>) -> Result<(), Refusal> {
        let at = self.place(roomid)?;
        let event = json!({"event": "logout", "roomid": self.places[at].hub.roomid, "uid": &*self.places[at].seat.uid});
        self.end_place(at, Leave::Told).await;
        self.conn.send(&event.to_string());
        Ok(())
    }

    async fn leave(&mut self, roomid: Option<&str>) -> Result<(), Refusal> {
        let at = self.place(roomid)?;
        let (key, uid) = (
            self.places[at].hub.key.clone(),
            self.places[at].seat.uid.clone(),
        );
        let event = json!({"event": "logout", "roomid": self.places[at].hub.roomid, "uid": &*uid, "reason": "left"});
        self.server.redis.leave(&key, &uid).await.map_err(refusal)?;
        // The room announces it too; whoever ends the seat tells the client.
        if self
            .conn
            .confirmations(|c| c.close(self.places[at].seat.id))
        {
            self.conn.send(&event.to_string());
        }
        self.end_place(at, Leave::Told).await;
        Ok(())
    }

    async fn members(&mut self, roomid: Option<&str>, cursor: u64) -> Result<(), Refusal> {
        let at = self.place(roomid)?;
        let hub = &self.places[at].hub;
        let (next, rows) = self
            .server
            .redis
            .members(&hub.key, cursor)
            .await
            .map_err(refusal)?;
        let members: Vec<_> = rows
            .into_iter()
            .map(|row| json!({"uid": row.uid, "online": row.online, "pending": row.pending}))
            .collect();
        let (online, total) = hub.counts();
        let event = json!({
            "event": "members", "roomid": hub.roomid, "members": members, "cursor": next,
            "total": total, "num": online,
        });
        self.conn.send(&event.to_string());
        Ok(())
    }

    /// Reports what the client confirmed.
    pub(crate) fn confirm(&self, confirmed: &[(Slot, Position)]) {
        for (slot, to) in confirmed {
            if let Some(place) = self.places.iter().find(|place| place.seat.id == *slot) {
                place.hub.confirm(&place.seat.uid, place.seat.id, *to);
            }
        }
    }

    /// A sign of life.
    pub(crate) fn heard(&self) {
        self.conn.confirmations(|c| c.heard(clock::now_ms()));
    }

    /// The answer to a ping, or one that nobody asked for.
    pub(crate) fn pong(&self, payload: &[u8]) {
        self.conn.confirmations(|c| {
            c.heard(clock::now_ms());
            if let Ok(number) = payload.try_into() {
                c.ponged(u64::from_be_bytes(number));
            }
        });
    }

    async fn end_place(&mut self, at: usize, how: Leave) {
        let place = self.places.remove(at);
        self.conn.confirmations(|c| c.close(place.seat.id));
        place
            .hub
            .tell(Msg::Exit {
                id: place.seat.id,
                uid: place.seat.uid,
                how,
            })
            .await;
        self.server.hubs.leave(&place.hub);
    }

    /// The connection is gone: all its sessions end, what was confirmed is reported first.
    pub(crate) async fn end(mut self) {
        while !self.places.is_empty() {
            self.end_place(0, Leave::Away).await;
        }
    }
}

/// The event that confirms a message; no position if it was freed already.
fn sent(hub: &Hub, id: &str, published: &Published, position: Option<Position>) -> String {
    let event = json!({
        "event": "sent", "roomid": hub.roomid, "id": id, "seq": published.seq,
        "position": position.map(|position| position.to_string()), "duplicate": published.duplicate,
    });
    event.to_string()
}

/// The id stays in what others get, so that the sender's other tabs recognise it.
fn with_id(mut event: Outgoing) -> Outgoing {
    if let Some(raw) = event
        .id
        .as_ref()
        .and_then(|id| serde_json::value::to_raw_value(id).ok())
    {
        event.fields.insert("id".into(), raw);
    }
    event
}

fn about(event: &ClientEvent) -> About {
    let (name, roomid, id) = match event {
        ClientEvent::Login(login) => ("login", Some(login.roomid.clone()), None),
        ClientEvent::Message(out) | ClientEvent::Other(out) => {
            (out.event.as_str(), out.roomid.clone(), out.id.clone())
        }
        ClientEvent::Heartbeat { .. } => ("heartbeat", None, None),
        ClientEvent::Ack { roomid, .. } => ("ack", roomid.clone(), None),
        ClientEvent::Logout(roomid) => ("logout", roomid.clone(), None),
        ClientEvent::Leave(roomid) => ("leave", roomid.clone(), None),
        ClientEvent::Members { roomid, .. } => ("members", roomid.clone(), None),
    };
    About {
        event: Some(name.to_owned()),
        roomid,
        id,
    }
}

/// What Redis' answer means for a client: away is retryable, and said in one code.
fn refusal(fault: Fault) -> Refusal {
    match fault {
        Fault::Down => (
            "UNAVAILABLE".into(),
            "the server's database is away: try again, with the same id".into(),
        ),
        Fault::Refused { code, message } => (code, message),
    }
}
