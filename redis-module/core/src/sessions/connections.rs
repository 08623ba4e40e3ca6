//! Connections: their names, their leases, their end.

use super::keys::ClientId;
use super::rows::{Lease, NameNo};
use super::state::Sessions;
use super::values::{Greeting, Hello, NameTaken};
use std::sync::Arc;

impl Sessions {
    /// Names a connection and renews its lease.
    ///
    /// If an older connection holds the name, it loses it, and its sessions end as if it had died (their ghosts end after
    /// `device_grace` ms). It may take the name back in the same way, unless it gave another ID than the new one: then
    /// these are two processes, and the older one is told so. A connection that takes another name keeps its sessions.
    ///
    /// # Errors
    /// The name belongs to another user: to the one whose connection holds it, or held it until a lease ends.
    pub fn hello(
        &mut self,
        hello: &Hello<'_>,
        now: u64,
        device_grace: u64,
    ) -> Result<Greeting, NameTaken> {
        let clock = self.lease_clock(now);
        if let Some(known) = self.names.get(hello.name)
            && known.is_held(clock)
        {
            if *known.user != *hello.user {
                return Err(NameTaken);
            }
            let other = known.holder.filter(|holder| *holder != hello.client);
            let same = hello.id.is_some() && known.id.as_deref() == hello.id;
            let has_id = known.id.is_some();
            if let Some(other) = other {
                if !same && self.has_lost(hello.client, hello.name) {
                    return Ok(Greeting::Superseded);
                }
                self.supersede(other, has_id && !same, now, device_grace);
            }
        }
        self.take_name(hello, clock);
        let until = clock.saturating_add(hello.lease_ms);
        let client = self.clients.entry(hello.client).or_default();
        let before = std::mem::replace(&mut client.lease, Lease::Until(until));
        Ok(match before {
            // Also if its time is over: its sessions stand until a tick ends them.
            Lease::Until(_) => Greeting::Ok,
            Lease::None | Lease::Over => Greeting::Announce,
        })
    }

    fn has_lost(&self, client: ClientId, name: &[u8]) -> bool {
        let lost = self
            .clients
            .get(&client)
            .and_then(|known| known.lost_name.as_deref());
        lost == Some(name)
    }

    /// An older connection loses its name to a newer one.
    fn supersede(&mut self, older: ClientId, for_good: bool, now: u64, device_grace: u64) {
        self.end_life(older, now, device_grace);
        let Some(client) = self.clients.get_mut(&older) else {
            return;
        };
        client.lease = Lease::None;
        if let Some(name) = client.name.take() {
            self.proxies = self.proxies.saturating_sub(1);
            client.lost_name = for_good.then_some(name);
        }
    }

    /// The connection holds this name from now on, and no other.
    fn take_name(&mut self, hello: &Hello<'_>, clock: u64) {
        let name: Arc<[u8]> = hello.name.into();
        let client = self.clients.entry(hello.client).or_default();
        client.is_proxy = true;
        client.lost_name = None;
        match client.name.replace(name.clone()) {
            Some(before) if before != name => self.names.give_up(&before),
            Some(_) => {}
            None => self.proxies += 1,
        }
        let row = self.names.entry(&name);
        row.holder = Some(hello.client);
        row.user = hello.user.into();
        row.id = hello.id.map(Into::into);
        row.lease_until = Some(clock.saturating_add(hello.lease_ms));
        if let Some(life) = client.life.and_then(|life| self.lives.get_mut(life)) {
            life.name = row.no;
        }
    }

    /// The number of the name that a connection holds; 0 for none.
    pub(super) fn name_of(&self, client: ClientId) -> NameNo {
        let name = self
            .clients
            .get(&client)
            .and_then(|known| known.name.as_deref());
        name.and_then(|name| self.names.get(name))
            .map_or(0, |name| name.no)
    }

    /// The number of the name of a connection whose lease has run out and ended its sessions, so that it has to announce
    /// them again.
    pub(super) fn name_without_lease(&self, client: ClientId) -> Option<NameNo> {
        let known = self.clients.get(&client)?;
        matches!(known.lease, Lease::Over).then(|| self.name_of(client))
    }

    /// Ends every session of a connection that is gone. Their ghosts end after `device_grace` ms.
    pub fn client_gone(&mut self, client: ClientId, now: u64, device_grace: u64) {
        self.end_life(client, now, device_grace);
        let name = self.clients.remove(&client).and_then(|gone| gone.name);
        if let Some(name) = name.and_then(|name| self.names.get_mut(&name)) {
            name.holder = None;
            self.proxies = self.proxies.saturating_sub(1);
        }
    }

    /// Ends the sessions of connections whose lease has run out. How many connections that were.
    pub fn expire_leases(&mut self, now: u64, device_grace: u64) -> usize {
        let clock = self.lease_clock(now);
        let expired: Vec<ClientId> = self
            .clients
            .iter()
            .filter(|(_, client)| client.lease.is_over(clock))
            .map(|(&id, _)| id)
            .collect();
        let mut ended = 0;
        for client in expired {
            ended += usize::from(self.end_life(client, now, device_grace));
            if let Some(client) = self.clients.get_mut(&client) {
                client.lease = Lease::Over;
            }
        }
        self.names.forget(now, clock);
        ended
    }

    /// The tick came late by so many ms: that was Redis' own pause and not its proxies' silence, and moves every lease. To
    /// be called first in the tick.
    pub fn late(&mut self, by: u64) {
        self.late_ms = self.late_ms.saturating_add(by);
    }

    /// The sessions of a connection are gone at once; what they leave behind is cleared away by the chores. Whether there
    /// were any.
    fn end_life(&mut self, client: ClientId, now: u64, device_grace: u64) -> bool {
        let Some(client) = self.clients.get_mut(&client) else {
            return false;
        };
        let Some(row) = client.life.take() else {
            return false;
        };
        let Some(life) = self.lives.get_mut(row) else {
            return false;
        };
        life.ended = true;
        life.ended_ms = now;
        life.until = now.saturating_add(device_grace);
        self.waiting += u64::from(life.session_count);
        self.dead_lives.push(row);
        if let Some(name) = client
            .name
            .as_ref()
            .and_then(|name| self.names.get_mut(name))
        {
            name.ghosts_until = name.ghosts_until.max(life.until);
        }
        life.session_count > 0
    }
}
