// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The connections of one guest. Ten thousand idle ones are a matter of a megabyte: a buffer exists
//! only while something is in it.

use std::collections::HashMap;
use std::os::fd::OwnedFd;

use crate::credit::Credit;
use crate::outbox::Outbox;
use crate::spec::Kind;
use crate::switch::LinkEnd;

/// What names a connection to the guest: the other side, and the guest's own port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) cid: u64,
    pub(crate) port: u32,
    pub(crate) guest_port: u32,
}

/// ```text
/// host program:  Greeting ──> Requested ──┐
/// guest:         Connecting ──────────────┴─> Established ──> Left
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// A host program has not said yet which port it wants. The guest knows nothing of it.
    Greeting,
    /// The guest asked; the other side has not answered.
    Connecting,
    /// The other side asked; the guest has not answered.
    Requested,
    Established,
    /// The guest is done with it, and the host has not taken everything yet.
    Left,
}

/// A message for the guest that did not fit one buffer.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) bytes: Vec<u8>,
    pub(crate) done: usize,
    /// It ends a record.
    pub(crate) record: bool,
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) key: Key,
    pub(crate) kind: Kind,
    pub(crate) phase: Phase,
    /// `None` before it is connected, and when the host is done with it in both directions.
    pub(crate) fd: Option<OwnedFd>,
    /// With a guest of this process.
    pub(crate) link: Option<Box<LinkEnd>>,
    pub(crate) credit: Credit,
    pub(crate) outbox: Option<Box<Outbox>>,
    pub(crate) inbox: Option<Box<Inbox>>,
    /// When to look after it, in milliseconds of the worker's clock.
    pub(crate) deadline: Option<u64>,
    /// When a connection attempt is given up.
    pub(crate) give_up: u64,
    /// What the guest will not do any more: SHUTDOWN flags.
    pub(crate) guest_done: u32,
    /// What the host will not do any more.
    pub(crate) host_done: u32,
    /// What of that the guest knows.
    pub(crate) told_done: u32,
    /// How many buffers to fill at once, as a power of two.
    pub(crate) burst: u8,
    /// The guest knows it by its key.
    pub(crate) keyed: bool,
    /// It came by the CONNECT protocol.
    pub(crate) greeted: bool,
    /// The host may have something to read.
    pub(crate) readable: bool,
    /// Nobody waits for events of its socket yet.
    pub(crate) unwatched: bool,
    /// Room in the host's socket is waited for.
    pub(crate) watches_room: bool,
    /// It is in the line for the guest's buffers.
    pub(crate) queued: bool,
    /// To be sent: REQUEST, RESPONSE, CREDIT_UPDATE, CREDIT_REQUEST.
    pub(crate) request: bool,
    pub(crate) response: bool,
    pub(crate) update: bool,
    pub(crate) ask: bool,
    /// Credit was asked for and none came since.
    pub(crate) asked: bool,
}

impl Connection {
    pub(crate) fn new(key: Key, kind: Kind, phase: Phase, window: u32) -> Self {
        Self {
            key,
            kind,
            phase,
            fd: None,
            link: None,
            credit: Credit::new(window),
            outbox: None,
            inbox: None,
            deadline: None,
            give_up: 0,
            guest_done: 0,
            host_done: 0,
            told_done: 0,
            burst: 0,
            keyed: false,
            greeted: false,
            readable: false,
            unwatched: false,
            watches_room: false,
            queued: false,
            request: false,
            response: false,
            update: false,
            ask: false,
            asked: false,
        }
    }
}

/// Connections by number and by key.
#[derive(Debug, Default)]
pub(crate) struct Table {
    slots: Vec<Option<Box<Connection>>>,
    free: Vec<u32>,
    keys: HashMap<Key, u32>,
}

impl Table {
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(crate) fn insert(&mut self, connection: Connection) -> u32 {
        let id = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        if connection.keyed {
            self.keys.insert(connection.key, id);
        }
        self.slots[id as usize] = Some(Box::new(connection));
        id
    }

    pub(crate) fn get(&mut self, id: u32) -> Option<&mut Connection> {
        self.slots.get_mut(id as usize)?.as_deref_mut()
    }

    pub(crate) fn find(&self, key: &Key) -> Option<u32> {
        self.keys.get(key).copied()
    }

    /// The guest knows the connection by `key` from now on.
    pub(crate) fn give_key(&mut self, id: u32, key: Key) {
        if let Some(connection) = self.get(id) {
            connection.key = key;
            connection.keyed = true;
            self.keys.insert(key, id);
        }
    }

    /// The guest does not know the connection any more.
    pub(crate) fn take_key(&mut self, id: u32) {
        if let Some(connection) = self.get(id)
            && std::mem::take(&mut connection.keyed)
        {
            let key = connection.key;
            self.keys.remove(&key);
        }
    }

    pub(crate) fn remove(&mut self, id: u32) -> Option<Box<Connection>> {
        self.take_key(id);
        let connection = self.slots.get_mut(id as usize)?.take()?;
        self.free.push(id);
        Some(connection)
    }

    pub(crate) fn ids(&self) -> Vec<u32> {
        (0..)
            .zip(&self.slots)
            .filter(|(_, slot)| slot.is_some())
            .map(|(id, _)| id)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed(port: u32) -> Connection {
        let key = Key {
            cid: 2,
            port,
            guest_port: 1,
        };
        Connection {
            keyed: true,
            ..Connection::new(key, Kind::Stream, Phase::Established, 1)
        }
    }

    #[test]
    fn a_removed_connection_leaves_neither_key_nor_slot() {
        let mut table = Table::default();
        let first = table.insert(keyed(1));
        let second = table.insert(keyed(2));

        let removed = table.remove(first).unwrap();
        let third = table.insert(keyed(3));

        assert_eq!(table.find(&removed.key), None);
        assert_eq!((third, table.len()), (first, 2));
        assert_eq!(table.find(&keyed(2).key), Some(second));
        assert!(table.remove(99).is_none());
    }

    #[test]
    fn a_connection_without_a_key_is_not_found_but_there() {
        let mut table = Table::default();
        let id = table.insert(keyed(1));

        table.take_key(id);

        assert_eq!(table.find(&keyed(1).key), None);
        assert!(table.get(id).is_some());
    }

    #[test]
    fn an_idle_connection_is_small() {
        assert!(size_of::<Connection>() <= 192);
    }
}
