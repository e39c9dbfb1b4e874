// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Event channels.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use xen_sys::*;

use crate::call::{call, open};
use crate::{Error, Result};

/// Event channels, all of which are unbound when this is dropped.
#[derive(Debug)]
pub struct EvtChn(File);

impl EvtChn {
    /// Opens `/dev/xen/evtchn`.
    pub fn open() -> Result<Self> {
        open(Path::new("/dev/xen/evtchn")).map(Self)
    }

    /// A port of this domain's, connected to one that the other domain offers.
    pub fn bind_interdomain(&self, domain: domid_t, port: evtchn_port_t) -> Result<evtchn_port_t> {
        let mut bind = ioctl_evtchn_bind_interdomain {
            remote_domain: domain.into(),
            remote_port: port,
        };
        // SAFETY: the argument is what this ioctl takes.
        let bound = unsafe {
            call(
                &self.0,
                IOCTL_EVTCHN_BIND_INTERDOMAIN,
                (&raw mut bind).cast(),
            )
        };
        as_port(bound, || {
            format!("bind to event channel {port} of domain {domain}")
        })
    }

    /// A port of this domain's that the other domain may bind to.
    pub fn bind_unbound(&self, domain: domid_t) -> Result<evtchn_port_t> {
        let mut bind = ioctl_evtchn_bind_unbound_port {
            remote_domain: domain.into(),
        };
        // SAFETY: the argument is what this ioctl takes.
        let bound = unsafe {
            call(
                &self.0,
                IOCTL_EVTCHN_BIND_UNBOUND_PORT,
                (&raw mut bind).cast(),
            )
        };
        as_port(bound, || {
            format!("offer an event channel to domain {domain}")
        })
    }

    /// Gives a port back.
    pub fn unbind(&self, port: evtchn_port_t) -> Result<()> {
        let mut unbind = ioctl_evtchn_unbind { port };
        // SAFETY: the argument is what this ioctl takes.
        let done = unsafe { call(&self.0, IOCTL_EVTCHN_UNBIND, (&raw mut unbind).cast()) };
        done.map(drop)
            .map_err(|error| Error::new(format!("unbind event channel {port}"), error))
    }

    /// Sends an event.
    pub fn notify(&self, port: evtchn_port_t) -> Result<()> {
        let mut notify = ioctl_evtchn_notify { port };
        // SAFETY: the argument is what this ioctl takes.
        let done = unsafe { call(&self.0, IOCTL_EVTCHN_NOTIFY, (&raw mut notify).cast()) };
        done.map(drop)
            .map_err(|error| Error::new(format!("notify event channel {port}"), error))
    }

    /// Waits for events, and gives their ports, which stay masked until [`unmask`](Self::unmask).
    pub fn pending(&self) -> Result<Vec<evtchn_port_t>> {
        let mut bytes = [0; 64 * size_of::<evtchn_port_t>()];
        let failed = |error| Error::new("read pending event channels", error);
        let len = loop {
            match (&self.0).read(&mut bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => break done.map_err(failed)?,
            }
        };
        let read = bytes.get(..len).unwrap_or_default();
        let (ports, _) = read.as_chunks();
        Ok(ports.iter().map(|port| u32::from_ne_bytes(*port)).collect())
    }

    /// Lets further events of a port come.
    pub fn unmask(&self, port: evtchn_port_t) -> Result<()> {
        (&self.0)
            .write_all(&port.to_ne_bytes())
            .map_err(|error| Error::new(format!("unmask event channel {port}"), error))
    }
}

fn as_port(bound: rustix::io::Result<i32>, what: impl Fn() -> String) -> Result<evtchn_port_t> {
    let port = bound.map_err(|error| Error::new(what(), error))?;
    u32::try_from(port).map_err(|_| Error::new(what(), io::ErrorKind::InvalidData))
}

/// For a device that was opened elsewhere.
impl From<File> for EvtChn {
    fn from(device: File) -> Self {
        Self(device)
    }
}

/// Readable when an event is pending.
impl AsFd for EvtChn {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pending_ports_are_read_in_order() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let ports = [3u32, 9].map(u32::to_ne_bytes).concat();
        File::from(writer).write_all(&ports).unwrap();

        let pending = EvtChn::from(File::from(reader)).pending().unwrap();

        assert_eq!(pending, [3, 9]);
    }

    #[test]
    fn a_port_is_unmasked_by_writing_it() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();

        EvtChn::from(File::from(writer))
            .unmask(0x0102_0304)
            .unwrap();

        let mut bytes = [0; 4];
        File::from(reader).read_exact(&mut bytes).unwrap();
        assert_eq!(u32::from_ne_bytes(bytes), 0x0102_0304);
    }

    #[test]
    fn an_error_says_what_was_asked_and_has_errno() {
        let no_device = EvtChn::from(File::open("/dev/null").unwrap());

        let error = no_device.bind_interdomain(7, 12).unwrap_err();

        assert_eq!(error.errno(), Some(rustix::io::Errno::NOTTY.raw_os_error()));
        let text = error.to_string();
        assert!(
            text.starts_with("cannot bind to event channel 12 of domain 7: "),
            "{text}"
        );
    }
}
