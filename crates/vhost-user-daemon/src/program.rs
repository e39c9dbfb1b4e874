// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! From a command line to a daemon that serves.

use std::fmt;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use virtio_device::Device;

use crate::guest::Guest;
use crate::options::{OperatorError, SocketOptions, Source, fail};
use crate::{Endpoint, Notifier, Shutdown, capabilities, listen, logging};

/// A request may be with the kernel when the daemon is told to stop. One that takes longer than
/// this (a disk that hangs, say) is not waited for.
const STOP_GRACE: Duration = Duration::from_secs(20);

/// What an operator got wrong about the device itself: one line with the flag, the value and the
/// mend.
#[derive(Debug)]
pub struct DeviceError {
    message: String,
    usage: bool,
}

impl DeviceError {
    /// The host is not as the flags say: a file is missing, a device is busy.
    pub fn new(message: impl fmt::Display) -> Self {
        Self {
            message: message.to_string(),
            usage: false,
        }
    }

    /// The flags themselves make no sense.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self {
            message: message.to_string(),
            usage: true,
        }
    }
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DeviceError {}

/// A device that listens on sockets of its own.
impl From<crate::listen::ListenError> for DeviceError {
    fn from(error: crate::listen::ListenError) -> Self {
        Self {
            message: error.to_string(),
            usage: error.exit_status() == 2,
        }
    }
}

impl OperatorError for DeviceError {
    fn exit_status(&self) -> u8 {
        if self.usage { 2 } else { 1 }
    }
}

impl<E: OperatorError + 'static> From<E> for Box<dyn OperatorError> {
    fn from(error: E) -> Self {
        Box::new(error)
    }
}

/// The command line of one daemon, and what it stands for.
pub trait Program: Parser {
    /// What is served.
    type Device: Device;

    /// Device type in the answer to `--print-capabilities`: one of those in QEMU's vhost-user
    /// schema, or the device's name in the virtio specification.
    const KIND: &'static str;

    /// Features in that answer.
    const CAPABILITIES: &'static [&'static str] = &[];

    /// Whether the flags make sense together, and what the files say that they name. Called before
    /// anything else is asked; what it finds out is kept by the program.
    fn check(&self) -> Result<(), DeviceError> {
        Ok(())
    }

    /// The flags that all daemons share.
    fn socket_options(&self) -> &dyn SocketOptions;

    /// Makes one device for each guest. Socket activation may bring several even to a program
    /// whose flags name one.
    fn devices(&self, guests: usize) -> Result<Vec<Self::Device>, DeviceError>;
}

/// The whole of a daemon's `main`.
pub fn main<P: Program>() -> ExitCode {
    if capabilities::asked(std::env::args_os().skip(1)) {
        return match capabilities::print(P::KIND, P::CAPABILITIES) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    let program = P::parse();
    match run(&program) {
        Ok(code) => code,
        Err(error) => fail(error.as_ref()),
    }
}

fn run<P: Program>(program: &P) -> Result<ExitCode, Box<dyn OperatorError>> {
    let options = program.socket_options();
    let common = options.common();
    logging::init(common.log_level);
    raise_descriptor_limit();
    // Both change what threads see, so there are none yet.
    let notifier = Notifier::from_env();
    let shutdown = Shutdown::on_signals()
        .map_err(|error| DeviceError::new(format!("cannot handle signals: {error}")))?;
    program.check()?;
    let sockets = options.sockets();
    let (devices, endpoints) = match &sockets.source {
        // Whoever waits for a path to appear may use the device from then on, and what it has
        // besides (sockets for programs, say).
        Source::Paths { paths, .. } => {
            listen::check(&sockets)?;
            let devices = program.devices(paths.len())?;
            (devices, listen::open(&sockets)?)
        }
        // How many guests there are is known once their descriptors are taken over.
        _ => {
            let endpoints = listen::open(&sockets)?;
            (program.devices(endpoints.len())?, endpoints)
        }
    };
    let tuning = Tuning {
        poll: common.poll().unwrap_or_default(),
        grant_cache: common.xen_grant_cache as usize,
    };
    let guests = endpoints.len();
    let serving = Serving::start(devices, endpoints, tuning, &shutdown).map_err(|error| {
        DeviceError::new(format!(
            "cannot start {guests} guests: {error}; serve fewer (--socket-count) or raise the \
             limits of this process (LimitNOFILE=, TasksMax=)"
        ))
    })?;
    notifier.ready(&serving.status());
    shutdown.wait(None);
    notifier.stopping();
    Ok(if serving.stop() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Each guest takes a handful of descriptors, and the customary soft limit is for programs that use
/// select. Nothing here does.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(errno) = setrlimit(Resource::Nofile, raised) {
        log::debug!("cannot raise the limit of file descriptors: {errno}");
    }
}

/// Guests being served. For programs that bring their own command line, or serve a device besides
/// other work; [`main`] is made of it.
pub struct Serving {
    lines: Vec<Arc<crate::guest::Line>>,
    names: Vec<String>,
    shutdown: Shutdown,
    threads: Vec<JoinHandle<()>>,
    /// Disconnected once every guest's thread let go of its end.
    served_out: Receiver<()>,
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// What costs something, and buys speed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tuning {
    /// How long to look for requests before sleeping.
    pub poll: Duration,
    /// Granted pages of each guest that stay mapped after an access (Xen).
    pub grant_cache: usize,
}

impl From<Duration> for Tuning {
    fn from(poll: Duration) -> Self {
        Self {
            poll,
            grant_cache: 0,
        }
    }
}

impl Serving {
    /// Serves each device on the endpoint of the same index. When the last guest is served out
    /// (which only happens to connected sockets), `shutdown` is triggered.
    pub fn start<D: Device>(
        devices: Vec<D>,
        endpoints: Vec<Endpoint>,
        tuning: impl Into<Tuning>,
        shutdown: &Shutdown,
    ) -> io::Result<Self> {
        let tuning = tuning.into();
        let left = Arc::new(AtomicUsize::new(endpoints.len()));
        let (serves, served_out) = channel();
        let mut serving = Self {
            lines: Vec::new(),
            names: Vec::new(),
            shutdown: shutdown.clone(),
            threads: Vec::new(),
            served_out,
        };
        let guests = devices
            .into_iter()
            .zip(endpoints)
            .enumerate()
            .map(|(index, (device, endpoint))| {
                let name = name(device.identity().name, index, &endpoint);
                let guest = Guest::new(device, name.clone(), tuning)?;
                Ok((name, guest, endpoint))
            })
            .collect::<io::Result<Vec<_>>>()?;
        for (index, (name, guest, endpoint)) in guests.into_iter().enumerate() {
            log::info!("{name}: ready");
            serving.lines.push(guest.line());
            serving.names.push(name);
            let shutdown = shutdown.clone();
            let left = left.clone();
            let serves: Sender<()> = serves.clone();
            let thread = std::thread::Builder::new()
                .name(format!("guest {index}"))
                .spawn(move || {
                    guest.serve(endpoint, &shutdown);
                    if left.fetch_sub(1, Ordering::SeqCst) == 1 {
                        shutdown.trigger();
                    }
                    drop(serves);
                })?;
            serving.threads.push(thread);
        }
        Ok(serving)
    }

    fn status(&self) -> String {
        format!("serving {}", self.names.join(", "))
    }

    /// Ends every connection, waits for what is in flight, and removes the sockets. False if
    /// something hangs.
    pub fn stop(self) -> bool {
        self.shutdown.trigger();
        // A thread in the middle of a message does not look at the request to stop.
        for line in &self.lines {
            line.cut("the daemon is stopping".to_owned());
        }
        if self.served_out.recv_timeout(STOP_GRACE) == Err(RecvTimeoutError::Timeout) {
            log::error!("a request is still in flight after {STOP_GRACE:?}: giving up on it");
            return false;
        }
        let mut clean = true;
        for thread in self.threads {
            clean &= thread.join().is_ok();
        }
        clean
    }
}

fn name(device: &str, index: usize, endpoint: &Endpoint) -> String {
    match endpoint {
        Endpoint::Listening {
            path: Some(path), ..
        } => format!("{device} on {}", path.path().display()),
        Endpoint::Listening { path: None, .. } => format!("{device} {index}"),
        Endpoint::Connected(_) => format!("{device} (connected)"),
    }
}
