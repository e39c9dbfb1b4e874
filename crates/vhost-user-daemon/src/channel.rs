// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Messages of the backend to the frontend, on the socket that SET_BACKEND_REQ_FD brings.

use std::os::fd::OwnedFd;

use rustix::net::SendFlags;
use virtio_device::Channel;

/// VHOST_USER_BACKEND_CONFIG_CHANGE_MSG.
const CONFIG_CHANGE: u32 = 2;

/// Version 1, no reply wanted: nobody here waits for a frontend.
const FLAGS: u32 = 1;

pub(crate) struct BackendChannel {
    socket: OwnedFd,
}

impl BackendChannel {
    pub(crate) fn new(socket: OwnedFd) -> Self {
        Self { socket }
    }
}

impl Channel for BackendChannel {
    fn config_changed(&self) {
        let mut message = [0; 12];
        message[..4].copy_from_slice(&CONFIG_CHANGE.to_ne_bytes());
        message[4..8].copy_from_slice(&FLAGS.to_ne_bytes());
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        // One that reads nothing has been told often enough; one that gave something else than a
        // socket cannot be told.
        if let Err(errno) = rustix::net::send(&self.socket, &message, flags) {
            log::debug!("cannot tell the frontend of a change: {errno}");
        }
    }
}
