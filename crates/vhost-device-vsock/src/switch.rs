// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Guests of one process that may talk to each other.
//!
//! A connection between two of them is a pair of sockets: each guest's worker has one end, and treats
//! it as it treats a host program's. So what is under way is bounded by each guest's credit and the
//! kernel's socket buffer, a guest that stalls holds up only its own end, and no worker ever waits for
//! another, or holds another's lock while it works.
//!
//! The one that is connected to sends a byte over the pair once its guest accepted. If it is refused,
//! its end is closed.

use std::collections::{HashMap, VecDeque};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use rustix::event::{EventfdFlags, eventfd};

use crate::spec::{FIRST_GUEST_CID, Kind, LAST_GUEST_CID};

/// Connections that wait for a guest's worker. It takes them at once unless it is held up.
const MAX_MAIL: usize = 1024;

/// What both ends of a connection between guests know.
#[derive(Debug, Default)]
struct Link {
    /// One end was reset: the other is to be reset as well, not just shut down.
    aborted: AtomicBool,
    /// By the end that sends them: from the one that connected, and from the other.
    marks: [Marks; 2],
}

/// Which messages end a record. The kernel passes that on over no pair of Unix sockets.
#[derive(Debug, Default)]
struct Marks {
    sent: AtomicU64,
    taken: AtomicU64,
    /// Numbers of messages that are in the socket and end a record; so the socket bounds them.
    records: Mutex<VecDeque<u64>>,
}

impl Marks {
    fn records(&self) -> MutexGuard<'_, VecDeque<u64>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One end of a connection between guests.
#[derive(Debug)]
pub(crate) struct LinkEnd {
    link: Arc<Link>,
    /// Which of the marks are its own.
    own: usize,
}

impl LinkEnd {
    pub(crate) fn pair() -> (Self, Self) {
        let link = Arc::<Link>::default();
        let other = link.clone();
        (
            Self { link, own: 0 },
            Self {
                link: other,
                own: 1,
            },
        )
    }

    pub(crate) fn abort(&self) {
        self.link.aborted.store(true, Ordering::Release);
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.link.aborted.load(Ordering::Acquire)
    }

    /// To be called before a message is sent: the other end may take it at once.
    pub(crate) fn sending(&self, record: bool) {
        let marks = &self.link.marks[self.own];
        let number = marks.sent.fetch_add(1, Ordering::AcqRel);
        if record {
            marks.records().push_back(number);
        }
    }

    /// It could not be sent after all.
    pub(crate) fn not_sent(&self, record: bool) {
        let marks = &self.link.marks[self.own];
        marks.sent.fetch_sub(1, Ordering::AcqRel);
        if record {
            marks.records().pop_back();
        }
    }

    /// Whether the other end sent messages that were not taken yet.
    pub(crate) fn owes(&self) -> bool {
        let marks = &self.link.marks[1 - self.own];
        marks.sent.load(Ordering::Acquire) != marks.taken.load(Ordering::Relaxed)
    }

    /// A message was taken from the other end. Whether it ends a record.
    pub(crate) fn taken(&self) -> bool {
        let marks = &self.link.marks[1 - self.own];
        let number = marks.taken.fetch_add(1, Ordering::Relaxed);
        let mut records = marks.records();
        let ends = records.front() == Some(&number);
        if ends {
            records.pop_front();
        }
        ends
    }
}

/// A connection from another guest.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) fd: OwnedFd,
    pub(crate) link: LinkEnd,
    pub(crate) kind: Kind,
    pub(crate) from_cid: u64,
    pub(crate) from_port: u32,
    pub(crate) to_port: u32,
}

/// What a guest's worker shares with others: the transport's thread, and the workers of its siblings.
#[derive(Debug)]
pub(crate) struct Shared {
    cid: AtomicU64,
    groups: Vec<String>,
    /// Counts what ends all connections: a reset, a move.
    pub(crate) epoch: AtomicU32,
    /// The guest is to be told of a move.
    pub(crate) event: AtomicBool,
    /// The guest's driver is there.
    pub(crate) running: AtomicBool,
    mail: Mutex<VecDeque<Incoming>>,
    /// Wakes the worker. It is watched for edges and never read.
    signal: OwnedFd,
}

impl Shared {
    pub(crate) fn new(cid: u64, groups: Vec<String>) -> std::io::Result<Arc<Self>> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Arc::new(Self {
            cid: AtomicU64::new(cid),
            groups,
            epoch: AtomicU32::new(0),
            event: AtomicBool::new(false),
            running: AtomicBool::new(false),
            mail: Mutex::default(),
            signal: eventfd(0, flags)?,
        }))
    }

    pub(crate) fn cid(&self) -> u64 {
        self.cid.load(Ordering::Relaxed)
    }

    pub(crate) fn signal_fd(&self) -> &OwnedFd {
        &self.signal
    }

    pub(crate) fn wake(&self) {
        // The counter reaches its end after 2^64 wakes; readable it is all the same.
        let _ = rustix::io::write(&self.signal, &1u64.to_ne_bytes());
    }

    fn mail(&self) -> MutexGuard<'_, VecDeque<Incoming>> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// False when the guest is not there or far behind; the connection is closed then.
    pub(crate) fn deliver(&self, incoming: Incoming) -> bool {
        if !self.running.load(Ordering::Acquire) {
            return false;
        }
        let mut mail = self.mail();
        if mail.len() >= MAX_MAIL {
            return false;
        }
        mail.push_back(incoming);
        drop(mail);
        self.wake();
        true
    }

    pub(crate) fn take_mail(&self) -> VecDeque<Incoming> {
        std::mem::take(&mut *self.mail())
    }
}

/// The guests of one process, by context id.
#[derive(Debug, Default)]
pub struct Switch {
    guests: Mutex<HashMap<u64, Weak<Shared>>>,
}

/// Why a guest cannot have a context id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CidError {
    /// It is the hypervisor's, the loopback's or the host's, or out of range.
    Reserved(u64),
    /// Another guest has it.
    Taken(u64),
}

impl std::fmt::Display for CidError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Reserved(cid) => write!(
                f,
                "no guest can have the CID {cid}: 0, 1 and 2 are the hypervisor's, the loopback's \
                 and the host's; choose one from {FIRST_GUEST_CID} to {LAST_GUEST_CID}"
            ),
            Self::Taken(cid) => write!(
                f,
                "two guests cannot have the same CID {cid}; give each one of its own"
            ),
        }
    }
}

impl std::error::Error for CidError {}

impl Switch {
    /// A switch without guests.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    fn guests(&self) -> MutexGuard<'_, HashMap<u64, Weak<Shared>>> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn join(&self, guest: &Arc<Shared>) -> Result<(), CidError> {
        let cid = guest.cid();
        check_cid(cid)?;
        let mut guests = self.guests();
        if guests
            .get(&cid)
            .is_some_and(|other| other.strong_count() > 0)
        {
            return Err(CidError::Taken(cid));
        }
        guests.insert(cid, Arc::downgrade(guest));
        Ok(())
    }

    /// Gives the guest another context id.
    pub(crate) fn rename(&self, guest: &Arc<Shared>, cid: u64) -> Result<(), CidError> {
        check_cid(cid)?;
        let mut guests = self.guests();
        if let Some(other) = guests.get(&cid).and_then(Weak::upgrade) {
            return if Arc::ptr_eq(&other, guest) {
                Ok(())
            } else {
                Err(CidError::Taken(cid))
            };
        }
        guests.remove(&guest.cid());
        guest.cid.store(cid, Ordering::Relaxed);
        guests.insert(cid, Arc::downgrade(guest));
        Ok(())
    }

    /// Whether a guest of this process has that CID.
    pub(crate) fn knows(&self, cid: u64) -> bool {
        self.guests()
            .get(&cid)
            .is_some_and(|guest| guest.strong_count() > 0)
    }

    /// The guest `cid`, if `from` may talk to it.
    pub(crate) fn sibling(&self, from: &Arc<Shared>, cid: u64) -> Option<Arc<Shared>> {
        let other = self.guests().get(&cid)?.upgrade()?;
        let common = other.groups.iter().any(|group| from.groups.contains(group));
        (common && !Arc::ptr_eq(&other, from)).then_some(other)
    }
}

fn check_cid(cid: u64) -> Result<(), CidError> {
    if (FIRST_GUEST_CID..=LAST_GUEST_CID).contains(&cid) {
        Ok(())
    } else {
        Err(CidError::Reserved(cid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(cid: u64, groups: &[&str]) -> Arc<Shared> {
        Shared::new(cid, groups.iter().map(|&group| group.to_owned()).collect()).unwrap()
    }

    #[test]
    fn reserved_and_taken_ids_are_refused_by_name() {
        let switch = Switch::new();
        let first = guest(3, &[]);
        switch.join(&first).unwrap();

        for cid in [0, 1, 2, 0xffff_ffff, 1 << 32] {
            assert_eq!(switch.join(&guest(cid, &[])), Err(CidError::Reserved(cid)));
        }
        let error = switch.join(&guest(3, &[])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "two guests cannot have the same CID 3; give each one of its own"
        );
    }

    #[test]
    fn only_guests_with_a_group_in_common_find_each_other() {
        let switch = Switch::new();
        let guests = [
            guest(3, &["a", "b"]),
            guest(4, &["b", "c"]),
            guest(5, &["c"]),
        ];
        guests.iter().for_each(|guest| switch.join(guest).unwrap());

        let finds = |from: usize, cid| switch.sibling(&guests[from], cid).is_some();

        assert!(finds(0, 4) && finds(1, 3) && finds(1, 5));
        assert!(!finds(0, 5) && !finds(2, 3));
        assert!(!finds(0, 3), "a guest is not its own sibling");
        assert!(!finds(0, 6));
    }

    #[test]
    fn a_renamed_guest_is_found_under_its_new_id_only() {
        let switch = Switch::new();
        let (first, second) = (guest(3, &["a"]), guest(4, &["a"]));
        switch.join(&first).unwrap();
        switch.join(&second).unwrap();

        let taken = switch.rename(&first, 4);
        switch.rename(&first, 7).unwrap();

        assert_eq!(taken, Err(CidError::Taken(4)));
        assert!(switch.sibling(&second, 7).is_some());
        assert!(switch.sibling(&second, 3).is_none());
    }
}
