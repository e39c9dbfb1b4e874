// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! One daemon, measured over its socket.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, eventfd};
use rustix::rand::{GetRandomFlags, getrandom};
use virtio_guest::measure::{self, Load, Wait};
use virtio_guest::{Daemon, DaemonBuilder, Guest, Process};

use super::Cpus;
use super::report::{Figure, Unit};
use crate::Result;
use crate::devices::{Device, Requests};

/// An idle daemon is watched for so long.
const IDLE: Duration = Duration::from_secs(1);

/// After the last reconnect a daemon may still be putting the last guest's things away.
const SETTLE: Duration = Duration::from_secs(5);

/// A program, and how it is started.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub label: String,
    program: PathBuf,
    args: Vec<String>,
    /// Loads that it failed under.
    failed: RefCell<BTreeSet<String>>,
}

impl Subject {
    pub(crate) fn new(label: &str, program: &Path, args: &[&str]) -> Self {
        Self {
            label: label.to_owned(),
            program: program.to_owned(),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            failed: RefCell::default(),
        }
    }

    /// One load of several. A daemon that stalls or fails under it does so in each round, and each time
    /// until a timeout: that is told once, and the load left out from then on.
    pub(crate) fn attempt<T>(&self, load: &str, measure: impl FnOnce() -> Result<T>) -> Option<T> {
        if self.failed.borrow().contains(load) {
            return None;
        }
        match measure() {
            Ok(figures) => Some(figures),
            Err(error) => {
                println!(
                    "{} failed under \"{load}\", which is left out from now on: {error}",
                    self.label
                );
                self.failed.borrow_mut().insert(load.to_owned());
                None
            }
        }
    }

    /// Whether all attempts succeeded.
    pub(crate) fn withstood(&self) -> bool {
        self.failed.borrow().is_empty()
    }

    /// The same with further flags.
    pub(crate) fn with(&self, args: &[&str]) -> Self {
        let mut more = self.clone();
        more.args
            .splice(0..0, args.iter().map(|&arg| arg.to_owned()));
        more
    }

    pub(crate) fn arguments(&self) -> &[String] {
        &self.args
    }

    /// Starts it on its own CPU. Threads are where their creator was, so this one moves there for
    /// a moment.
    pub(crate) fn start(&self, cpus: Option<Cpus>) -> Result<(Daemon, Duration)> {
        self.start_by(cpus, Daemon::builder(&self.program))
    }

    /// [`Subject::start`] for a program that ends after its first connection, so that nobody may look
    /// whether it listens.
    pub(crate) fn start_unseen(&self, cpus: Option<Cpus>) -> Result<Daemon> {
        let builder = Daemon::builder(&self.program).without_waiting();
        Ok(self.start_by(cpus, builder)?.0)
    }

    fn start_by(&self, cpus: Option<Cpus>, builder: DaemonBuilder) -> Result<(Daemon, Duration)> {
        if let Some(cpus) = cpus {
            Cpus::settle(cpus.daemon)?;
        }
        let start = Instant::now();
        let daemon = builder.args(&self.args).spawn();
        let time = start.elapsed();
        if let Some(cpus) = cpus {
            Cpus::settle(cpus.driver)?;
        }
        Ok((daemon?, time))
    }
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub rounds: usize,
    pub(crate) divisor: u64,
}

impl Scale {
    pub(crate) fn new(quick: bool) -> Self {
        if quick {
            Self {
                rounds: 1,
                divisor: 10,
            }
        } else {
            Self {
                rounds: 7,
                divisor: 1,
            }
        }
    }
}

/// One round: a fresh daemon, from its start to all loads.
pub(crate) fn figures(
    subject: &Subject,
    device: &Device,
    requests: Requests,
    cpus: Option<Cpus>,
    scale: Scale,
) -> Result<Vec<Figure>> {
    let mut out = Vec::new();
    let mut add = |name: &str, unit, value: f64| {
        out.push(Figure {
            name: name.to_owned(),
            unit,
            value,
        });
    };
    let (daemon, started) = subject.start(cpus)?;
    add("exec to listening", Unit::Time, started.as_nanos() as f64);
    let process = daemon.process()?;
    std::thread::sleep(Duration::from_millis(100));
    let idle = process.resident()?;
    add(
        "memory before a guest",
        Unit::Size,
        (idle.anonymous + idle.file) as f64,
    );

    let mut guest = Guest::builder(daemon.path()).queue_size(128).boot()?;
    let load = |size: usize, depth: u16, count: u64, wait: Wait| {
        let request = (requests.of)(size);
        Load {
            queue: requests.queue,
            readable: request.readable,
            writable: request.writable,
            depth,
            requests: count / scale.divisor,
            warm_up: count / scale.divisor / 10,
            wait,
            ..Load::default()
        }
    };
    let nanos = |time: Option<Duration>| time.unwrap_or_default().as_nanos() as f64;

    let small = load(64, 32, 2_000_000, Wait::Poll);
    let figures = measure::run(&mut guest, &small, Some(&process))?;
    add("64 B, depth 32: requests", Unit::Rate, figures.rate());
    add(
        "64 B, depth 32: daemon CPU per request",
        Unit::Time,
        nanos(figures.cpu_per_request()),
    );

    let large = load(4096, 32, 100_000, Wait::Poll);
    let before = kernel_rate(large.requests);
    let figures = measure::run(&mut guest, &large, Some(&process))?;
    let after = kernel_rate(large.requests);
    add(
        "4 KiB, depth 32: throughput",
        Unit::Throughput,
        figures.requests as f64 * 4096.0 / figures.elapsed.as_secs_f64(),
    );
    add(
        "4 KiB, depth 32: daemon CPU per request",
        Unit::Time,
        nanos(figures.cpu_per_request()),
    );
    if device.name == "vhost-device-rng" {
        let kernel = (before + after) / 2.0;
        add(
            "4 KiB, depth 32: of getrandom(4 KiB) on one CPU",
            Unit::Percent,
            100.0 * figures.bytes_per_second() / kernel,
        );
    }

    let single = load(4096, 1, 20_000, Wait::Sleep);
    let figures = measure::run(&mut guest, &single, Some(&process))?;
    let times = figures.round_trips.clone().unwrap_or_default();
    add(
        "4 KiB, depth 1: round trip, median",
        Unit::Time,
        nanos(Some(times.median())),
    );
    add(
        "4 KiB, depth 1: round trip, 99 % below",
        Unit::Time,
        nanos(Some(times.quantile(0.99))),
    );
    add(
        "4 KiB, depth 1: daemon CPU per request",
        Unit::Time,
        nanos(figures.cpu_per_request()),
    );

    let used = process.resident()?;
    add(
        "memory after the load",
        Unit::Size,
        (used.anonymous + used.file) as f64,
    );
    std::thread::sleep(Duration::from_millis(100));
    let before = switches(process.pid())?;
    std::thread::sleep(IDLE);
    add(
        "wake-ups in an idle second",
        Unit::Count,
        switches(process.pid())?.saturating_sub(before) as f64,
    );
    Ok(out)
}

/// Bytes a second of getrandom, 4 KiB at a time, on this thread's CPU.
fn kernel_rate(requests: u64) -> f64 {
    let mut buffer = [0; 4096];
    let start = Instant::now();
    let mut got = 0;
    for _ in 0..requests {
        got += getrandom(&mut buffer, GetRandomFlags::empty()).unwrap_or(0);
    }
    got as f64 / start.elapsed().as_secs_f64()
}

/// The median round trip between two threads that sleep until the other one wakes them, on the CPUs of
/// driver and daemon: the part of a request's time that none of the two can do anything about.
pub(crate) fn wake_up_trip(cpus: Option<Cpus>, trips: u64) -> Result<Duration> {
    let event = || eventfd(0, EventfdFlags::CLOEXEC);
    let (there, back) = (event()?, event()?);
    let one = 1_u64.to_ne_bytes();
    let trip = |read, write| -> rustix::io::Result<()> {
        rustix::io::read(read, &mut [0; 8])?;
        rustix::io::write(write, &one)?;
        Ok(())
    };
    let mut times = std::thread::scope(|scope| -> Result<Vec<Duration>> {
        scope.spawn(|| {
            if let Some(cpus) = cpus {
                // Where it cannot be moved the figure is worth less, but there is one.
                let _ = Cpus::settle(cpus.daemon);
            }
            (0..trips).try_for_each(|_| trip(&there, &back))
        });
        let mut times = Vec::new();
        for _ in 0..trips {
            let start = Instant::now();
            rustix::io::write(&there, &one)?;
            rustix::io::read(&back, &mut [0; 8])?;
            times.push(start.elapsed());
        }
        Ok(times)
    })?;
    times.sort();
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}

/// How often the threads of a process were taken off or left their CPU so far.
fn switches(pid: u32) -> Result<u64> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let status = fs::read_to_string(thread?.path().join("status"))?;
        sum += status
            .lines()
            .filter(|line| line.contains("voluntary_ctxt_switches"))
            .filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
            .sum::<u64>();
    }
    Ok(sum)
}

/// What a long row of guests left behind.
#[derive(Debug)]
pub(crate) struct Reconnects {
    count: u64,
    failed: u64,
    first_failure: Option<String>,
    time: Duration,
    before: State,
    after: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    threads: usize,
    fds: usize,
    memory: u64,
}

impl State {
    fn of(process: &Process) -> Result<Self> {
        let resident = process.resident()?;
        Ok(Self {
            threads: process.threads()?,
            fds: process.fds()?,
            memory: resident.anonymous + resident.file,
        })
    }

    /// The state once it stays the same, or the last that was seen.
    fn settled(process: &Process) -> Result<Self> {
        let end = Instant::now() + SETTLE;
        let mut last = Self::of(process)?;
        loop {
            std::thread::sleep(Duration::from_millis(200));
            let now = Self::of(process)?;
            if now == last || Instant::now() > end {
                return Ok(now);
            }
            last = now;
        }
    }
}

impl Reconnects {
    /// Memory may grow by what an allocator keeps for itself, which does not depend on the number.
    const SLACK: u64 = 512 * 1024;

    pub(crate) fn good(&self) -> bool {
        self.failed == 0
            && self.after.threads <= self.before.threads
            && self.after.fds <= self.before.fds
            && self.after.memory <= self.before.memory + Self::SLACK
    }
}

impl fmt::Display for Reconnects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} reconnects in {}: {} failed; threads {} -> {}, descriptors {} -> {}, memory {} -> {}{}",
            self.count,
            crate::text::time(self.time),
            self.failed,
            self.before.threads,
            self.after.threads,
            self.before.fds,
            self.after.fds,
            crate::text::bytes(self.before.memory as f64),
            crate::text::bytes(self.after.memory as f64),
            if self.good() { "" } else { "  FAILED" },
        )?;
        match &self.first_failure {
            Some(failure) => write!(f, "\n  the first failure: {failure}"),
            None => Ok(()),
        }
    }
}

/// Connects, boots, makes one request and vanishes, again and again, with no pause.
pub(crate) fn reconnects(
    subject: &Subject,
    requests: Requests,
    cpus: Option<Cpus>,
    scale: Scale,
) -> Result<Reconnects> {
    let (daemon, _) = subject.start(cpus)?;
    let process = daemon.process()?;
    let request = (requests.of)(64);
    let readable: Vec<&[u8]> = request.readable.iter().map(Vec::as_slice).collect();
    let once = || -> Result<()> {
        let mut guest = daemon.guest()?;
        guest
            .queue(requests.queue)
            .request(&readable, &request.writable)?;
        guest.vanish();
        Ok(())
    };
    // The first guests fill the allocator's pools and load what is loaded lazily.
    for _ in 0..100 {
        once()?;
    }
    let before = State::settled(&process)?;
    let count = 10_000 / scale.divisor;
    let mut failures = Vec::new();
    let start = Instant::now();
    for _ in 0..count {
        if let Err(error) = once() {
            failures.push(error.to_string());
        }
        crate::children::rest_if_interrupted();
    }
    let time = start.elapsed();
    Ok(Reconnects {
        count,
        failed: failures.len() as u64,
        first_failure: failures.into_iter().next(),
        time,
        before,
        after: State::settled(&process)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_that_failed_once_is_not_tried_again_and_others_are() {
        let subject = Subject::new("theirs", Path::new("/nonexistent"), &[]);

        let first = subject.attempt("streams", || -> Result<()> { Err("a stall".into()) });
        let again = subject.attempt("streams", || Ok(()));
        let other = subject.attempt("connections", || Ok(7));

        assert_eq!((first, again, other), (None, None, Some(7)));
        assert!(!subject.withstood());
    }
}
