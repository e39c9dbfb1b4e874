// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The connection with whoever is at the other end of a port: a client, a terminal, a file.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use virtio_device::{Interest, Sources, Token};

/// One direction. Each has a descriptor of its own, even where both are one socket, so that each is
/// armed by itself.
#[derive(Debug)]
pub(crate) struct Half {
    fd: OwnedFd,
    token: Token,
    armed: Interest,
    /// False for what the kernel cannot wait for, which never blocks: a file, /dev/null.
    pollable: bool,
}

impl Half {
    pub(crate) fn new(fd: OwnedFd, token: Token, sources: Option<&Sources>) -> Self {
        let mut half = Self {
            fd,
            token,
            armed: Interest::None,
            pollable: true,
        };
        half.watch(sources);
        half
    }

    /// Also for a worker that was made anew, and has other sources than the one before it.
    pub(crate) fn watch(&mut self, sources: Option<&Sources>) {
        self.armed = Interest::None;
        if let Some(sources) = sources {
            self.pollable = match sources.add(&self.fd, Interest::None, self.token) {
                Ok(()) => true,
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => false,
                Err(error) => {
                    log::error!("cannot wait for the host's side of a port: {error}");
                    false
                }
            };
        }
    }

    pub(crate) fn arm(&mut self, interest: Interest, sources: Option<&Sources>) {
        if self.armed != interest
            && self.pollable
            && let Some(sources) = sources
        {
            match sources.modify(&self.fd, interest, self.token) {
                Ok(()) => self.armed = interest,
                Err(error) => log::error!("cannot wait for the host's side of a port: {error}"),
            }
        }
    }

    pub(crate) fn is_armed(&self) -> bool {
        self.armed != Interest::None
    }

    pub(crate) fn is_pollable(&self) -> bool {
        self.pollable
    }

    pub(crate) fn close(self, sources: Option<&Sources>) {
        if let Some(sources) = sources
            && self.pollable
        {
            // The open file may live on in the other half, and would be watched on.
            let _ = sources.remove(&self.fd);
        }
    }

    pub(crate) fn hung_up(&self) -> bool {
        let mut fds = [PollFd::new(&self.fd, PollFlags::empty())];
        poll(&mut fds, Some(&Timespec::default())).is_ok()
            && fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
    }

    /// Bytes that can be read at once, as far as the kernel tells.
    pub(crate) fn has_input(&self) -> bool {
        rustix::io::ioctl_fionread(&self.fd).is_ok_and(|bytes| bytes > 0)
    }
}

impl AsFd for Half {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Both directions. Either may be closed before the other.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) input: Option<Half>,
    pub(crate) output: Option<Half>,
}

impl Link {
    pub(crate) fn close(self, sources: Option<&Sources>) {
        for half in [self.input, self.output].into_iter().flatten() {
            half.close(sources);
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.input.is_none() && self.output.is_none()
    }
}
