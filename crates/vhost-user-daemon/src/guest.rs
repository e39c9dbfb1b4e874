// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! One guest: its device, the device's workers, and the frontends that come and go.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use log::Level;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags};
use vhost::vhost_user::message::FrontendReq;
use vhost::vhost_user::{BackendReqHandler, Error as VhostError};
use virtio_device::{Device, GuestFaults, WorkerOptions, WorkerThread};

use crate::call::Rescue;
use crate::session::Session;
use crate::{Endpoint, Shutdown, Tuning};

/// The most descriptors that a request may carry: the memory table's.
const MAX_DESCRIPTORS: usize = 32;

/// After an accept that failed for lack of descriptors or memory: trying again at once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The connection of the moment, for whoever has to end it from outside its own thread.
#[derive(Debug, Default)]
pub(crate) struct Line(Mutex<LineState>);

#[derive(Debug, Default)]
struct LineState {
    stream: Option<UnixStream>,
    reason: Option<String>,
}

impl Line {
    fn state(&self) -> MutexGuard<'_, LineState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(&self, stream: UnixStream) {
        *self.state() = LineState {
            stream: Some(stream),
            reason: None,
        };
    }

    fn disconnect(&self) -> Option<String> {
        std::mem::take(&mut *self.state()).reason
    }

    /// Ends the connection, if there is one. Its thread wakes up and cleans up.
    pub(crate) fn cut(&self, reason: String) {
        let mut state = self.state();
        if let Some(stream) = &state.stream {
            let _ = stream.shutdown(std::net::Shutdown::Both);
            state.reason.get_or_insert(reason);
        }
    }
}

/// How a connection ended.
enum End {
    /// The frontend closed it between two messages.
    Disconnected,
    /// The daemon is asked to stop.
    Stopping,
    /// Somebody cut it, or the frontend broke the protocol.
    Fault(String),
}

/// Serves one device to one guest.
pub(crate) struct Guest<D: Device> {
    device: Arc<D>,
    workers: Arc<[WorkerThread]>,
    faults: Arc<GuestFaults>,
    /// A frontend that connects again and again must not fill the log, nor keep a guest's faults
    /// out of it.
    connections: GuestFaults,
    rescue: Arc<Rescue>,
    line: Arc<Line>,
    grant_cache: usize,
}

impl<D: Device> Guest<D> {
    /// Makes the device's workers and starts their threads. `name` is what log lines start with.
    pub(crate) fn new(device: D, name: String, tuning: Tuning) -> io::Result<Self> {
        let device = Arc::new(device);
        let connections = GuestFaults::new(name.clone());
        let faults = Arc::new(GuestFaults::new(name));
        let rescue = Rescue::new(device.queues().len());
        let stalled = rescue.clone();
        let line = Arc::new(Line::default());
        let cut = line.clone();
        let options = WorkerOptions {
            poll: tuning.poll,
            on_fault: Arc::new(move |fault| cut.cut(fault.to_string())),
            on_stall: Arc::new(move || stalled.interrupt()),
            faults: faults.clone(),
        };
        let count = device
            .queues()
            .iter()
            .map(|spec| spec.worker + 1)
            .max()
            .unwrap_or(0);
        let workers = (0..count)
            .map(|index| WorkerThread::spawn(device.clone(), index, options.clone()))
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self {
            device,
            workers: workers.into(),
            faults,
            connections,
            rescue,
            line,
            grant_cache: tuning.grant_cache,
        })
    }

    pub(crate) fn line(&self) -> Arc<Line> {
        self.line.clone()
    }

    /// Serves until the daemon is asked to stop, or, on a socket that was connected from the
    /// start, until that connection ends.
    pub(crate) fn serve(self, endpoint: Endpoint, shutdown: &Shutdown) {
        match endpoint {
            Endpoint::Connected(stream) => self.serve_connection(stream, shutdown),
            // The path goes before the listener: a successor that starts in between then finds
            // either a live daemon or nothing.
            Endpoint::Listening { path, listener } => {
                self.serve_listener(&listener, shutdown);
                drop(path);
            }
        }
    }

    fn serve_listener(&self, listener: &UnixListener, shutdown: &Shutdown) {
        while wait(listener, shutdown) {
            match listener.accept() {
                Ok((stream, _)) => self.serve_connection(stream, shutdown),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock
                    | io::ErrorKind::Interrupted
                    | io::ErrorKind::ConnectionAborted => {}
                    _ => {
                        self.faults
                            .warn(format_args!("cannot accept a frontend: {error}"));
                        shutdown.wait(Some(ACCEPT_PAUSE));
                    }
                },
            }
        }
    }

    fn serve_connection(&self, stream: UnixStream, shutdown: &Shutdown) {
        let log = |level, what: std::fmt::Arguments<'_>| self.connections.log(level, what);
        match stream
            .set_nonblocking(false)
            .and_then(|()| Ok((stream.try_clone()?, stream.try_clone()?)))
        {
            Ok((watched, cut)) => {
                self.line.connect(cut);
                log(Level::Info, format_args!("a frontend connected"));
                let end = self.converse(stream, &watched, shutdown);
                let reason = self.line.disconnect();
                match (end, reason) {
                    _ if shutdown.is_triggered() => log(Level::Info, format_args!("stopped")),
                    (End::Disconnected, None) => {
                        log(Level::Info, format_args!("the frontend disconnected"));
                    }
                    (End::Stopping, None) => log(Level::Info, format_args!("stopped")),
                    (_, Some(reason)) | (End::Fault(reason), None) => log(
                        Level::Warn,
                        format_args!("the connection was ended: {reason}"),
                    ),
                }
            }
            Err(error) => log(
                Level::Error,
                format_args!("cannot serve a frontend: {error}"),
            ),
        }
    }

    fn converse(&self, stream: UnixStream, watched: &UnixStream, shutdown: &Shutdown) -> End {
        let session = Arc::new(Mutex::new(Session::new(
            self.device.clone(),
            self.workers.clone(),
            self.faults.clone(),
            &self.rescue,
            self.grant_cache,
        )));
        let mut handler = BackendReqHandler::from_stream(stream, session.clone());
        let end = loop {
            if !wait(watched, shutdown) {
                break End::Stopping;
            }
            let next = Next::in_socket(watched);
            if let Some(fault) = next.fault {
                break End::Fault(fault);
            }
            // Taken up before the message is acknowledged: the frontend may rely on it from there on.
            session
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .offer_channel(next.channel);
            // Nothing in the session panics on what a frontend sends. Should the vhost crate, it
            // costs this connection alone.
            match panic::catch_unwind(AssertUnwindSafe(|| handler.handle_request())) {
                Ok(Ok(())) => {}
                Ok(Err(VhostError::Disconnected)) => break End::Disconnected,
                Ok(Err(error)) => {
                    let refusal = session
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .take_refusal();
                    let what = match refusal {
                        Some(refusal) => refusal.to_string(),
                        // The vhost crate found it malformed: its words do not say how.
                        None => format!("{error} ({})", next.shape),
                    };
                    break End::Fault(match next.request {
                        Some(request) => format!("{request}: {what}"),
                        None => what,
                    });
                }
                Err(_) => break End::Fault("a message made the daemon fail".to_owned()),
            }
        };
        session.lock().unwrap_or_else(PoisonError::into_inner).end();
        end
    }
}

/// Waits until `source` is readable. False when the daemon is asked to stop.
fn wait(source: impl AsFd, shutdown: &Shutdown) -> bool {
    loop {
        let mut fds = [
            PollFd::from_borrowed_fd(source.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(shutdown.fd(), PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Ok(_) if !fds[1].revents().is_empty() => return false,
            Ok(_) => return true,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}

/// What is next in the socket.
struct Next {
    /// Name of the request, for the log, if its header is there.
    request: Option<String>,
    /// The rest of its header, for the log.
    shape: String,
    /// Why it must not be received.
    fault: Option<String>,
    /// A duplicate of the descriptor, if it is that of the backend's channel.
    channel: Option<OwnedFd>,
}

impl Next {
    fn in_socket(stream: &UnixStream) -> Self {
        let mut header = [0; 12];
        let mut space =
            [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS + 1))];
        // Descriptors that are looked at are duplicates, which the buffer closes again.
        let mut descriptors = RecvAncillaryBuffer::new(&mut space);
        let (received, truncated) = rustix::net::recvmsg(
            stream,
            &mut [IoSliceMut::new(&mut header)],
            &mut descriptors,
            RecvFlags::PEEK | RecvFlags::CMSG_CLOEXEC,
        )
        .map_or((0, false), |message| {
            (message.bytes, message.flags.contains(ReturnFlags::CTRUNC))
        });
        let mut files: Vec<OwnedFd> = descriptors
            .drain()
            .filter_map(|message| match message {
                RecvAncillaryMessage::ScmRights(rights) => Some(rights),
                _ => None,
            })
            .flatten()
            .collect();
        let count = files.len();
        let word = |at: usize| {
            let mut word = [0; 4];
            word.copy_from_slice(&header[at..at + 4]);
            u32::from_ne_bytes(word)
        };
        let request = (received >= 4).then(|| match FrontendReq::try_from(word(0)) {
            Ok(request) => format!("{request:?}"),
            Err(_) => format!("request {}", word(0)),
        });
        let channel = (received >= 4 && word(0) == u32::from(FrontendReq::SET_BACKEND_REQ_FD))
            .then(|| files.pop())
            .flatten();
        let shape = if received == header.len() {
            let (flags, size) = (word(4), word(8));
            format!("flags {flags:#x}, {size} bytes, {count} descriptors")
        } else {
            format!("{received} bytes of a header")
        };
        let name = request.as_deref().unwrap_or("a message");
        // The vhost crate would lose such a message and wait for another, while the frontend waits
        // for an answer.
        let fault = if count > MAX_DESCRIPTORS {
            Some(format!(
                "{name} with more than {MAX_DESCRIPTORS} descriptors"
            ))
        } else if truncated {
            Some(format!(
                "{name}: this process is out of file descriptors; raise its limit (LimitNOFILE=)"
            ))
        } else {
            None
        };
        Self {
            request,
            shape,
            fault,
            channel,
        }
    }
}
