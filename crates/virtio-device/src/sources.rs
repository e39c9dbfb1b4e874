// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Host file descriptors that a worker waits for.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};

/// Names a watched file descriptor to the worker that watches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(pub u32);

/// What to wait for. Level-triggered, but for the two kinds of edges: a worker that cannot take what
/// is there disarms the descriptor, or it is called again at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Nothing, for now. The kernel may still report once that the other side is gone.
    None,
    /// There is something to read, or the other side is gone.
    Readable,
    /// There is room to write, or the other side is gone.
    Writable,
    /// Either.
    Both,
    /// As `Readable`, told once for each change: the worker remembers it until the descriptor would
    /// block. For many descriptors, which then cost no system call to arm and disarm.
    ReadEdges,
    /// As `Both`, told once for each change.
    Edges,
}

impl Interest {
    fn flags(self) -> EventFlags {
        match self {
            // Errors and hang-ups cannot be masked; one-shot keeps them from repeating.
            Self::None => EventFlags::ONESHOT,
            Self::Readable => EventFlags::IN | EventFlags::RDHUP,
            Self::Writable => EventFlags::OUT,
            Self::Both => EventFlags::IN | EventFlags::RDHUP | EventFlags::OUT,
            Self::ReadEdges => Self::Readable.flags() | EventFlags::ET,
            Self::Edges => Self::Both.flags() | EventFlags::ET,
        }
    }
}

/// The watched descriptors of one worker. A clone watches for the same worker, so a worker may
/// keep one to arm and disarm with.
#[derive(Clone, Debug)]
pub struct Sources {
    epoll: Arc<OwnedFd>,
}

/// What an event of the worker's epoll means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Wake,
    Kick(u16),
    Source(Token),
}

const KICK: u64 = 1 << 32;
const SOURCE: u64 = 2 << 32;

impl Event {
    fn encode(self) -> EventData {
        EventData::new_u64(match self {
            Self::Wake => 0,
            Self::Kick(queue) => KICK | u64::from(queue),
            Self::Source(token) => SOURCE | u64::from(token.0),
        })
    }

    pub(crate) fn decode(data: EventData) -> Self {
        let data = data.u64();
        match data & !0xffff_ffff {
            KICK => Self::Kick(data as u16),
            SOURCE => Self::Source(Token(data as u32)),
            _ => Self::Wake,
        }
    }
}

impl Sources {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: Arc::new(epoll::create(CreateFlags::CLOEXEC)?),
        })
    }

    /// Watches a descriptor. It stays the caller's, who removes it before closing it if it was
    /// duplicated anywhere.
    pub fn add(&self, fd: impl AsFd, interest: Interest, token: Token) -> io::Result<()> {
        let data = Event::Source(token).encode();
        Ok(epoll::add(&self.epoll, fd, data, interest.flags())?)
    }

    /// Changes what is waited for.
    pub fn modify(&self, fd: impl AsFd, interest: Interest, token: Token) -> io::Result<()> {
        let data = Event::Source(token).encode();
        Ok(epoll::modify(&self.epoll, fd, data, interest.flags())?)
    }

    /// Stops watching.
    pub fn remove(&self, fd: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    pub(crate) fn add_wake(&self, fd: impl AsFd) -> io::Result<()> {
        let data = Event::Wake.encode();
        Ok(epoll::add(&self.epoll, fd, data, EventFlags::IN)?)
    }

    /// Edge-triggered: a kick counts even if nobody reads the descriptor, and one that stays
    /// readable for ever (a closed pipe) does not spin.
    pub(crate) fn add_kick(&self, fd: impl AsFd, queue: u16) -> io::Result<()> {
        let data = Event::Kick(queue).encode();
        Ok(epoll::add(
            &self.epoll,
            fd,
            data,
            EventFlags::IN | EventFlags::ET,
        )?)
    }

    /// Waits for events, or with `block` false only looks.
    pub(crate) fn wait(&self, events: &mut Vec<epoll::Event>, block: bool) -> io::Result<()> {
        events.clear();
        let timeout = (!block).then_some(rustix::event::Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        });
        epoll::wait(
            &self.epoll,
            rustix::buffer::spare_capacity(events),
            timeout.as_ref(),
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_what_it_was_encoded_as() {
        for event in [
            Event::Wake,
            Event::Kick(0),
            Event::Kick(u16::MAX),
            Event::Source(Token(0)),
            Event::Source(Token(u32::MAX)),
        ] {
            assert_eq!(Event::decode(event.encode()), event);
        }
    }
}
