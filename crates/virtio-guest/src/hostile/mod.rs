// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
//! Everything that a malicious driver or frontend may try, against any device.
//!
//! After each case the daemon must still be the same process, must not spin, must answer a
//! well-formed request on a fresh connection (and on the old one, where the case has done nothing
//! that ends it), and must hold no more descriptors and threads than before.
//!
//! ```no_run
//! use virtio_guest::{Daemon, hostile};
//!
//! let device = hostile::Device {
//!     name: "rng",
//!     id: 4,
//!     queues: 1,
//!     request_queue: 0,
//!     features: 0,
//!     config_size: 0,
//!     readable: &[],
//!     writable: &[64],
//!     request: &|guest| {
//!         let reply = guest.queue(0).request(&[], &[64]).map_err(|e| e.explain())?;
//!         (reply.written() == 64).then_some(()).ok_or("too short".into())
//!     },
//! };
//! hostile::run(|| Daemon::spawn("target/debug/vhost-device-rng", &[]), &device);
//! ```

mod chains;
mod memory;
mod messages;
mod queues;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::process::emulator;
use crate::{Daemon, Error, Guest, GuestBuilder, Process};

/// The bound of every single step. A daemon that is merely busy must make it on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// The variant of a daemon that never answered.
const UNKNOWN: &str = "unknown";

/// So many daemons are attacked side by side: most of a case is waiting for what must not happen.
const LANES: usize = 4;

/// How long a daemon is watched for spinning.
const IDLE: Duration = Duration::from_millis(50);

/// How long descriptors and threads of a connection that ended may linger.
const LINGER: Duration = Duration::from_secs(20);

/// A device as far as the suite must know it.
pub struct Device<'a> {
    /// For the report.
    pub name: &'a str,
    /// Virtio device id.
    pub id: u32,
    /// Number of queues.
    pub queues: u16,
    /// The queue whose requests are answered without anything else having to happen.
    pub request_queue: u16,
    /// Device features to acknowledge if they are offered.
    pub features: u64,
    /// Length of the configuration space.
    pub config_size: u32,
    /// Device-readable buffers of a request that is answered soon.
    pub readable: &'a [&'a [u8]],
    /// Device-writable buffers of that request.
    pub writable: &'a [usize],
    /// Makes a well-formed request and checks the answer; `Err` says what was wrong with it.
    pub request: &'a (dyn Fn(&mut Guest) -> Result<(), String> + Sync),
}

/// A daemon under attack.
pub trait Target {
    /// Where it listens.
    fn path(&self) -> PathBuf;
    /// Its process id.
    fn pid(&self) -> u32;
    /// Replaces it after a case has broken it.
    fn restart(&mut self) -> Result<(), String>;
    /// The end of what it has logged.
    fn last_words(&self) -> String {
        String::new()
    }
}

/// A daemon that the suite starts itself, again after each case that breaks it.
struct Spawned<F> {
    spawn: F,
    daemon: Daemon,
}

impl<F: Fn() -> Result<Daemon, Error>> Target for Spawned<F> {
    fn path(&self) -> PathBuf {
        self.daemon.path().to_owned()
    }

    fn pid(&self) -> u32 {
        self.daemon.pid()
    }

    fn restart(&mut self) -> Result<(), String> {
        self.daemon = (self.spawn)().map_err(|e| e.explain())?;
        Ok(())
    }

    fn last_words(&self) -> String {
        let log = self.daemon.stderr();
        let lines: Vec<_> = log.lines().rev().take(3).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
    }
}

/// A daemon that somebody else started: what breaks it ends the suite.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub path: PathBuf,
    /// Its process id.
    pub pid: u32,
}

impl Target for Running {
    fn path(&self) -> PathBuf {
        self.path.clone()
    }

    fn pid(&self) -> u32 {
        self.pid
    }

    fn restart(&mut self) -> Result<(), String> {
        Err("the daemon was not started by the suite, so the rest was not tried".into())
    }
}

/// A case that the daemon did not stand.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Which.
    pub case: &'static str,
    /// What happened.
    pub reason: String,
}

/// What the suite found.
#[derive(Clone, Debug)]
pub struct Report {
    /// Number of cases.
    pub cases: usize,
    /// Name of the device.
    pub device: String,
    /// Which build of the daemon.
    pub variant: &'static str,
    /// What went wrong.
    pub failures: Vec<Failure>,
    /// How long it took.
    pub elapsed: Duration,
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "hostile: {} cases against {} ({}), {} failed, {:.1} s",
            self.cases,
            self.device,
            self.variant,
            self.failures.len(),
            self.elapsed.as_secs_f32()
        )?;
        for failure in &self.failures {
            write!(f, "\n  {}: {}", failure.case, failure.reason)?;
        }
        Ok(())
    }
}

/// Runs all cases, each against one of the daemons that `spawn` starts; they do not know of each
/// other.
///
/// # Panics
///
/// When any case fails, with all that failed; and when a daemon cannot be started.
pub fn run(spawn: impl Fn() -> Result<Daemon, Error> + Sync, device: &Device<'_>) {
    let report = examine(spawn, device);
    println!("{report}");
    assert!(report.failures.is_empty(), "{report}");
}

/// Runs all cases as [`run`] does, and reports.
///
/// # Panics
///
/// When a daemon cannot be started.
pub fn examine(spawn: impl Fn() -> Result<Daemon, Error> + Sync, device: &Device<'_>) -> Report {
    let cases = possible(device);
    let spawn = &spawn;
    let lane = |lane: usize| {
        let cases: Vec<_> = cases.iter().copied().skip(lane).step_by(LANES).collect();
        let daemon = spawn().unwrap_or_else(|e| panic!("{}: {}", device.name, e.explain()));
        attack(&mut Spawned { spawn, daemon }, device, &cases)
    };
    let start = Instant::now();
    let reports: Vec<Report> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..LANES).map(|i| scope.spawn(move || lane(i))).collect();
        let ends = threads.into_iter().map(|thread| thread.join());
        ends.map(|end| end.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    Report {
        cases: cases.len(),
        device: device.name.to_owned(),
        variant: reports.first().map_or(UNKNOWN, |report| report.variant),
        failures: reports.into_iter().flat_map(|r| r.failures).collect(),
        elapsed: start.elapsed(),
    }
}

/// Runs all cases against any target, and reports.
pub fn examine_target(target: &mut dyn Target, device: &Device<'_>) -> Report {
    attack(target, device, &possible(device))
}

/// The cases that can be tried on this machine.
fn possible(device: &Device<'_>) -> Vec<&'static Case> {
    let mut cases = all();
    if let Some(emulator) = emulator() {
        for (name, reason) in EMULATOR_CANNOT {
            eprintln!(
                "hostile: {}: {name}: left out under {emulator}: {reason}",
                device.name
            );
            cases.retain(|case| case.name != *name);
        }
    }
    cases
}

fn attack(target: &mut dyn Target, device: &Device<'_>, cases: &[&'static Case]) -> Report {
    let start = Instant::now();
    let mut report = Report {
        cases: cases.len(),
        device: device.name.to_owned(),
        variant: UNKNOWN,
        failures: Vec::new(),
        elapsed: Duration::ZERO,
    };
    let mut suite = match Suite::begin(target, device) {
        Ok(suite) => suite,
        Err(reason) => {
            report.failures.push(Failure {
                case: "a well-formed request before all cases",
                reason,
            });
            return report;
        }
    };
    report.variant = suite.variant;
    for (i, case) in cases.iter().enumerate() {
        let Err(reason) = suite.try_case(case) else {
            continue;
        };
        // At once as well: a daemon that fails many cases takes minutes.
        eprintln!("hostile: {}: {}: {reason}", device.name, case.name);
        report.failures.push(Failure {
            case: case.name,
            reason,
        });
        if let Err(reason) = suite.begin_again() {
            for case in &cases[i + 1..] {
                report.failures.push(Failure {
                    case: case.name,
                    reason: reason.clone(),
                });
            }
            break;
        }
    }
    report.elapsed = start.elapsed();
    report
}

/// Names of all cases.
pub fn case_names() -> Vec<&'static str> {
    all().iter().map(|case| case.name).collect()
}

/// Cases that say nothing about a daemon under an emulator. On a real machine all are run.
const EMULATOR_CANNOT: &[(&str, &str)] = &[(
    "253 descriptors with SET_OWNER",
    "it keeps descriptors for itself that did not fit the program's buffer",
)];

/// What becomes of the connection on which a case was run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    /// The driver has misbehaved: the frontend keeps its connection, and the queue works again
    /// after it was set up anew.
    Survives,
    /// The frontend has misbehaved, so the daemon may hang up.
    MayEnd,
}

type Attack = fn(&Attempt<'_>) -> Result<Option<Guest>, String>;

struct Case {
    name: &'static str,
    connection: Connection,
    attack: Attack,
}

const fn survives(name: &'static str, attack: Attack) -> Case {
    Case {
        name,
        connection: Connection::Survives,
        attack,
    }
}

const fn may_end(name: &'static str, attack: Attack) -> Case {
    Case {
        name,
        connection: Connection::MayEnd,
        attack,
    }
}

fn all() -> Vec<&'static Case> {
    chains::CASES
        .iter()
        .chain(queues::CASES)
        .chain(messages::CASES)
        .chain(memory::CASES)
        .collect()
}

/// What a case gets to work with.
struct Attempt<'a> {
    device: &'a Device<'a>,
    path: &'a Path,
}

impl Attempt<'_> {
    fn settings(&self) -> GuestBuilder {
        Guest::builder(self.path)
            .memory_size(1 << 20)
            .queues(self.device.queues)
            .features(self.device.features)
            .timeout(PATIENCE)
    }

    fn boot(&self) -> Result<Guest, String> {
        self.settings()
            .boot()
            .map_err(|e| format!("cannot boot: {}", e.explain()))
    }

    /// Connected, and nothing else.
    fn attach(&self) -> Result<Guest, String> {
        self.settings()
            .attach()
            .map_err(|e| format!("cannot connect: {}", e.explain()))
    }

    /// Connected, features negotiated, memory shared; no queue.
    fn prepared(&self) -> Result<Guest, String> {
        let mut guest = self.attach()?;
        guest.negotiate().map_err(|e| e.explain())?;
        guest.share_memory().map_err(|e| e.explain())?;
        Ok(guest)
    }

    /// The number of the queue for requests.
    fn queue(&self) -> u16 {
        self.device.request_queue
    }

    /// Posts the device's sample request.
    fn post_sample(&self, guest: &mut Guest) -> Result<(), String> {
        guest
            .queue(self.queue())
            .post(self.device.readable, self.device.writable)
            .map(drop)
            .map_err(|e| e.explain())
    }

    /// Posts as many sample requests as the ring takes, at most `limit`.
    fn post_many(&self, guest: &mut Guest, limit: usize) -> Result<usize, String> {
        let each = self.device.readable.len() + self.device.writable.len();
        let count = (guest.queue(self.queue()).room() / each).min(limit);
        for _ in 0..count {
            self.post_sample(guest)?;
        }
        Ok(count)
    }
}

struct Suite<'a> {
    target: &'a mut dyn Target,
    device: &'a Device<'a>,
    process: Process,
    descriptors: usize,
    threads: usize,
    variant: &'static str,
}

impl<'a> Suite<'a> {
    fn begin(target: &'a mut dyn Target, device: &'a Device<'a>) -> Result<Self, String> {
        let process = Process::new(target.pid()).map_err(|e| e.to_string())?;
        let mut suite = Self {
            target,
            device,
            process,
            descriptors: 0,
            threads: 0,
            variant: UNKNOWN,
        };
        suite.settle()?;
        Ok(suite)
    }

    fn begin_again(&mut self) -> Result<(), String> {
        let usable = self.process.is_alive() && self.fresh_request().is_ok();
        if !usable {
            self.target.restart()?;
            self.process = Process::new(self.target.pid()).map_err(|e| e.to_string())?;
        }
        self.settle()
    }

    /// Takes the daemon's resources after a first request as what it holds at rest.
    fn settle(&mut self) -> Result<(), String> {
        self.variant = self.fresh_request()?;
        let mut last = (0, 0);
        let end = Instant::now() + LINGER;
        loop {
            std::thread::sleep(Duration::from_millis(30));
            let now = self.resources()?;
            if now == last || Instant::now() > end {
                (self.descriptors, self.threads) = now;
                return Ok(());
            }
            last = now;
        }
    }

    fn resources(&self) -> Result<(usize, usize), String> {
        let count = || Ok((self.process.fds()?, self.process.threads()?));
        count().map_err(|e: std::io::Error| format!("cannot look at the daemon: {e}"))
    }

    fn try_case(&self, case: &Case) -> Result<(), String> {
        let path = self.target.path();
        let attempt = Attempt {
            device: self.device,
            path: &path,
        };
        let mut wrong = Vec::new();
        let guest = (case.attack)(&attempt).unwrap_or_else(|reason| {
            wrong.push(reason);
            None
        });
        self.idles().unwrap_or_else(|reason| wrong.push(reason));
        if let Some(guest) = guest {
            self.goes_on(case, guest)
                .unwrap_or_else(|reason| wrong.push(format!("on the same connection: {reason}")));
        }
        if !self.process.is_alive() {
            wrong.push(format!("the daemon died: {}", self.target.last_words()));
            return Err(wrong.join("; "));
        }
        if let Err(reason) = self.fresh_request() {
            wrong.push(format!("on a fresh connection: {reason}"));
        }
        self.released().unwrap_or_else(|reason| wrong.push(reason));
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.join("; "))
        }
    }

    /// A queue that was set up anew works on the connection that the case has used.
    fn goes_on(&self, case: &Case, mut guest: Guest) -> Result<(), String> {
        let ended = guest.frontend().hung_up(Duration::ZERO);
        if ended {
            return match case.connection {
                Connection::Survives => Err("the daemon hung up".into()),
                Connection::MayEnd => Ok(()),
            };
        }
        if usize::from(guest.queues()) <= usize::from(self.device.request_queue) {
            return Ok(());
        }
        let anew = |guest: &mut Guest| {
            guest
                .renew_queue(self.device.request_queue)
                .map_err(|e| format!("cannot set the queue up anew: {}", e.explain()))?;
            (self.device.request)(guest)
        };
        match anew(&mut guest) {
            Err(_)
                if case.connection == Connection::MayEnd
                    && guest.frontend().hung_up(Duration::from_millis(500)) =>
            {
                Ok(())
            }
            other => other,
        }
    }

    /// The process sleeps when there is nothing to do.
    fn idles(&self) -> Result<(), String> {
        let mut busy = Duration::ZERO;
        // What is still at work on the case gets some chances to come to an end.
        for pause in [10, 50, 250, 1000, 4000] {
            std::thread::sleep(Duration::from_millis(pause));
            let Ok(before) = self.process.cpu_time() else {
                return Ok(());
            };
            std::thread::sleep(IDLE);
            let Ok(after) = self.process.cpu_time() else {
                return Ok(());
            };
            busy = after.saturating_sub(before);
            if busy < IDLE / 2 {
                return Ok(());
            }
        }
        Err(format!(
            "it spins: {busy:?} of CPU time in {IDLE:?} of idleness"
        ))
    }

    fn fresh_request(&self) -> Result<&'static str, String> {
        let path = self.target.path();
        let attempt = Attempt {
            device: self.device,
            path: &path,
        };
        let mut guest = attempt.boot()?;
        (self.device.request)(&mut guest)?;
        Ok(guest.variant())
    }

    /// Descriptors and threads are back at what they were.
    fn released(&self) -> Result<(), String> {
        let end = Instant::now() + LINGER;
        loop {
            let (descriptors, threads) = self.resources()?;
            if descriptors <= self.descriptors && threads <= self.threads {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(format!(
                    "it leaks: {} descriptors instead of {}, {} threads instead of {} ({})",
                    descriptors,
                    self.descriptors,
                    threads,
                    self.threads,
                    self.process.fd_targets().unwrap_or_default().join(" ")
                ));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Fails unless the daemon refuses: by an error in its answer, or by hanging up, at once or soon.
fn refused(guest: &mut Guest, result: Result<(), Error>) -> Result<(), String> {
    match result {
        Err(e) if e.is_refusal() => Ok(()),
        Err(e) => Err(format!("instead of a refusal: {}", e.explain())),
        Ok(()) if !guest.frontend().acknowledges() => {
            // Nothing can be known but that it lives.
            let _ = guest.frontend().sync();
            Ok(())
        }
        Ok(()) if guest.frontend().hung_up(Duration::from_millis(500)) => Ok(()),
        Ok(()) => Err("it was accepted".into()),
    }
}

/// Turns a failed step of a case into its reason.
fn step<T>(what: &str, result: Result<T, Error>) -> Result<T, String> {
    result.map_err(|e| format!("{what}: {}", e.explain()))
}
