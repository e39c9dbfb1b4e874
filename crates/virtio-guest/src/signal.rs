// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Kick, call and error descriptors: an eventfd by default, anything else on request.

use std::{
    io::IoSliceMut,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    time::Duration,
};

use rustix::{
    event::{EventfdFlags, PollFd, PollFlags},
    io::{Errno, ReadWriteFlags},
    pipe::PipeFlags,
};

use crate::{Error, frontend::poll};

/// Both ends of a doorbell. For an eventfd they are the same object.
#[derive(Debug)]
pub struct Signal {
    ours: Option<OwnedFd>,
    theirs: OwnedFd,
}

impl Signal {
    /// An eventfd, non-blocking as every hypervisor makes it.
    pub fn eventfd() -> Result<Self, Error> {
        Self::eventfd_with(0, EventfdFlags::NONBLOCK)
    }

    /// An eventfd that blocks its reader while empty and its writer while full.
    pub fn blocking_eventfd() -> Result<Self, Error> {
        Self::eventfd_with(0, EventfdFlags::empty())
    }

    /// A non-blocking eventfd whose counter takes no further increment.
    pub fn full_eventfd() -> Result<Self, Error> {
        let signal = Self::eventfd()?;
        signal.fill()?;
        Ok(signal)
    }

    /// A blocking eventfd whose counter takes no further increment: a careless writer hangs.
    pub fn full_blocking_eventfd() -> Result<Self, Error> {
        let signal = Self::blocking_eventfd()?;
        signal.fill()?;
        Ok(signal)
    }

    /// A pipe in place of the kick eventfd: the daemon reads.
    pub fn kick_pipe(flags: PipeFlags) -> Result<Self, Error> {
        let (theirs, ours) = rustix::pipe::pipe_with(flags | PipeFlags::CLOEXEC)
            .map_err(Error::os("cannot make a pipe"))?;
        Ok(Self {
            ours: Some(ours),
            theirs,
        })
    }

    /// A pipe in place of the call eventfd: the daemon writes.
    pub fn call_pipe(flags: PipeFlags) -> Result<Self, Error> {
        let (ours, theirs) = rustix::pipe::pipe_with(flags | PipeFlags::CLOEXEC)
            .map_err(Error::os("cannot make a pipe"))?;
        Ok(Self {
            ours: Some(ours),
            theirs,
        })
    }

    /// Any two descriptors. Without `ours`, this side can neither ring nor hear.
    pub fn from_fds(ours: Option<OwnedFd>, theirs: OwnedFd) -> Self {
        Self { ours, theirs }
    }

    fn eventfd_with(initial: u32, flags: EventfdFlags) -> Result<Self, Error> {
        let theirs = rustix::event::eventfd(initial, flags | EventfdFlags::CLOEXEC)
            .map_err(Error::os("cannot create an eventfd"))?;
        let ours = theirs
            .try_clone()
            .map_err(Error::os("cannot duplicate an eventfd"))?;
        Ok(Self {
            ours: Some(ours),
            theirs,
        })
    }

    fn fill(&self) -> Result<(), Error> {
        rustix::io::write(&self.theirs, &(u64::MAX - 1).to_ne_bytes())
            .map(drop)
            .map_err(Error::os("cannot fill an eventfd"))
    }

    /// The end that is sent to the daemon.
    pub fn theirs(&self) -> BorrowedFd<'_> {
        self.theirs.as_fd()
    }

    /// Closes this side's end: for a pipe, the daemon's is then without a peer.
    pub fn close_ours(&mut self) {
        self.ours = None;
    }

    /// Rings. A full or closed bell is as good as rung.
    pub fn ring(&self) {
        let Some(fd) = &self.ours else {
            return;
        };
        let mut fds = [PollFd::new(fd, PollFlags::OUT)];
        if poll(&mut fds, Duration::ZERO).is_ok_and(|ready| ready > 0) {
            let _ = rustix::io::write(fd, &1u64.to_ne_bytes());
        }
    }

    /// Waits until the bell was rung, and silences it. False when `timeout` passed.
    pub fn wait(&self, timeout: Duration) -> Result<bool, Error> {
        let Some(fd) = &self.ours else {
            std::thread::sleep(timeout);
            return Ok(false);
        };
        let mut fds = [PollFd::new(fd, PollFlags::IN)];
        let ready = poll(&mut fds, timeout).map_err(Error::os("cannot poll a doorbell"))?;
        Ok(ready > 0 && self.drain()?)
    }

    /// Silences the bell. Whether it had been rung.
    pub fn drain(&self) -> Result<bool, Error> {
        let Some(fd) = &self.ours else {
            return Ok(false);
        };
        // A look at a blocking descriptor is not enough: the daemon may be faster to read it.
        let mut count = [0u8; 8];
        let into = &mut [IoSliceMut::new(&mut count)];
        match rustix::io::preadv2(fd, into, u64::MAX, ReadWriteFlags::NOWAIT) {
            Ok(n) => Ok(n > 0),
            Err(Errno::AGAIN) => Ok(false),
            // Kernels that cannot promise not to wait for this kind of file, and emulators.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => Self::drain_if_ready(fd.as_fd()),
            Err(e) => Err(Error::os("cannot read a doorbell")(e)),
        }
    }

    fn drain_if_ready(fd: BorrowedFd<'_>) -> Result<bool, Error> {
        let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
        if poll(&mut fds, Duration::ZERO).map_err(Error::os("cannot poll a doorbell"))? == 0 {
            return Ok(false);
        }
        match rustix::io::read(fd, &mut [0u8; 8]) {
            Ok(n) => Ok(n > 0),
            Err(Errno::AGAIN) => Ok(false),
            Err(e) => Err(Error::os("cannot read a doorbell")(e)),
        }
    }

    pub(crate) fn ours(&self) -> Option<BorrowedFd<'_>> {
        self.ours.as_ref().map(AsFd::as_fd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_kind_of_bell_holds_who_drains_or_rings_it() {
        for bell in [
            Signal::eventfd(),
            Signal::blocking_eventfd(),
            Signal::call_pipe(PipeFlags::empty()),
        ] {
            assert!(!bell.unwrap().drain().unwrap());
        }
        for bell in [Signal::full_eventfd(), Signal::full_blocking_eventfd()] {
            let bell = bell.unwrap();
            bell.ring();
            assert!(bell.wait(Duration::ZERO).unwrap());
            assert!(!bell.wait(Duration::ZERO).unwrap());
        }
    }

    #[test]
    fn a_ring_is_heard_once() {
        let bell = Signal::eventfd().unwrap();
        bell.ring();
        bell.ring();
        assert!(bell.wait(Duration::from_secs(1)).unwrap());
        assert!(!bell.drain().unwrap());
    }
}
