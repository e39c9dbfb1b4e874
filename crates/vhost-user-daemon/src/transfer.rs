// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Moves a device's state to or from the frontend (SET_DEVICE_STATE_FD, CHECK_DEVICE_STATE).
//!
//! All of it happens on a thread of its own: the device may take its time, and the frontend may read
//! or write its pipe as slowly as it likes, or stop altogether, without holding the control thread.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use virtio_device::StateError;

/// No device here needs a tenth of it, and a frontend can send without end.
const MAX_STATE: usize = 16 << 20;

/// CHECK_DEVICE_STATE comes when the frontend is done, so what is left takes no time.
const PATIENCE: Duration = Duration::from_secs(5);

/// A transfer under way. Dropping it abandons it.
#[derive(Debug)]
pub(crate) struct Transfer {
    result: Receiver<io::Result<()>>,
    cancel: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Transfer {
    /// Sends what `save` returns to the frontend.
    pub(crate) fn save(
        pipe: File,
        save: impl FnOnce() -> Result<Vec<u8>, StateError> + Send + 'static,
    ) -> io::Result<Self> {
        Self::start(pipe, PollFlags::OUT, move |pipe, wait| {
            let state = save().map_err(io::Error::other)?;
            if state.len() > MAX_STATE {
                return Err(too_large());
            }
            let mut left = state.as_slice();
            while !left.is_empty() {
                wait(pipe)?;
                match rustix::io::write(pipe, left) {
                    Ok(done) => left = &left[done..],
                    Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
                    Err(errno) => return Err(errno.into()),
                }
            }
            Ok(())
        })
    }

    /// Gives `load` what the frontend sends, up to the end of its pipe.
    pub(crate) fn load(
        pipe: File,
        load: impl FnOnce(&[u8]) -> Result<(), StateError> + Send + 'static,
    ) -> io::Result<Self> {
        Self::start(pipe, PollFlags::IN, |pipe, wait| {
            let mut state = Vec::new();
            let mut buffer = [0; 4096];
            loop {
                wait(pipe)?;
                match rustix::io::read(pipe, &mut buffer) {
                    Ok(0) => return load(&state).map_err(io::Error::other),
                    Ok(done) if state.len() + done > MAX_STATE => return Err(too_large()),
                    Ok(done) => state.extend_from_slice(&buffer[..done]),
                    Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
                    Err(errno) => return Err(errno.into()),
                }
            }
        })
    }

    fn start(
        pipe: File,
        direction: PollFlags,
        job: impl FnOnce(&File, &dyn Fn(&File) -> io::Result<()>) -> io::Result<()> + Send + 'static,
    ) -> io::Result<Self> {
        // The frontend's pipe is handed over for good, so its mode is the daemon's to set.
        fcntl_setfl(&pipe, fcntl_getfl(&pipe)? | OFlags::NONBLOCK)?;
        let cancel = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
        let cancelled = cancel.clone();
        let (sender, result) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("state".to_owned())
            .spawn(move || {
                let wait = |pipe: &File| {
                    let mut fds = [
                        PollFd::new(pipe, direction),
                        PollFd::new(cancelled.as_ref(), PollFlags::IN),
                    ];
                    match poll(&mut fds, None) {
                        Ok(_) | Err(rustix::io::Errno::INTR) => {}
                        Err(errno) => return Err(errno.into()),
                    }
                    if fds[1].revents().is_empty() {
                        Ok(())
                    } else {
                        Err(io::Error::other("the transfer was abandoned"))
                    }
                };
                let outcome = job(&pipe, &wait);
                // Closed before the result is known, so that the frontend sees the end.
                drop(pipe);
                let _ = sender.send(outcome);
            })?;
        Ok(Self {
            result,
            cancel,
            thread: Some(thread),
        })
    }

    /// Whether it worked.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self.result.recv_timeout(PATIENCE) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the frontend did not finish the transfer before it asked for the result",
            )),
            Err(RecvTimeoutError::Disconnected) => {
                Err(io::Error::other("the transfer's thread failed"))
            }
        }
    }
}

fn too_large() -> io::Error {
    io::Error::other(format!("the state has more than {MAX_STATE} bytes"))
}

impl Drop for Transfer {
    fn drop(&mut self) {
        let _ = rustix::io::write(self.cancel.as_ref(), &1u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    fn pipe() -> (File, File) {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        (File::from(reader), File::from(writer))
    }

    #[test]
    fn a_saved_state_arrives_whole() {
        let (mut reader, writer) = pipe();
        let state: Vec<u8> = (0..200_000u32).map(|i| i as u8).collect();

        let saved = state.clone();
        let transfer = Transfer::save(writer, || Ok(saved)).unwrap();
        let mut received = Vec::new();
        reader.read_to_end(&mut received).unwrap();

        assert_eq!(received, state);
        transfer.finish().unwrap();
    }

    #[test]
    fn a_loaded_state_ends_with_the_pipe() {
        let (reader, mut writer) = pipe();

        let (sender, received) = sync_channel(1);
        let transfer = Transfer::load(reader, move |state| {
            sender.send(state.to_vec()).unwrap();
            Ok(())
        })
        .unwrap();
        writer.write_all(b"state").unwrap();
        drop(writer);

        transfer.finish().unwrap();
        assert_eq!(received.try_recv().unwrap(), b"state");
    }

    #[test]
    fn a_state_that_the_device_refuses_is_an_error() {
        let (reader, writer) = pipe();

        let transfer = Transfer::load(reader, |_| Err(StateError::Damaged("test"))).unwrap();
        drop(writer);

        assert!(transfer.finish().is_err());
    }

    #[test]
    fn a_state_without_end_is_refused() {
        let (reader, mut writer) = pipe();

        let transfer = Transfer::load(reader, |_| Ok(())).unwrap();
        let chunk = vec![0; 1 << 20];
        let sent = (0..=MAX_STATE >> 20).try_for_each(|_| writer.write_all(&chunk));

        assert!(sent.is_err(), "the pipe was read past the limit");
        assert!(transfer.finish().is_err());
    }

    #[test]
    fn a_transfer_that_nobody_reads_is_abandoned_on_drop() {
        let (_reader, writer) = pipe();

        let transfer = Transfer::save(writer, || Ok(vec![0; 1 << 20])).unwrap();

        drop(transfer);
    }
}
