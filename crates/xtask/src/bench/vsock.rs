// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The socket device, measured by streams and connections instead of requests.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;
use std::time::Instant;

use clap::Args;
use virtio_guest::traffic::{Direction, Traffic};
use virtio_guest::{Daemon, Process};

use super::Cpus;
use super::report::{Figure, Unit};
use super::socket::{Scale, Subject};
use crate::{Result, text};

const SIZES: [(usize, u64); 3] = [(64, 32 << 20), (4 << 10, 1 << 30), (64 << 10, 2 << 30)];

/// Payload that a receive buffer takes: Linux lends pages.
const LENT: usize = 4 << 10;

const CONNECTIONS: u64 = 20_000;

/// Held open at once for the memory that they take.
const IDLE_CONNECTIONS: u64 = 10_000;

/// One round, with a fresh daemon for each load.
pub(crate) fn figures(subject: &Subject, cpus: Option<Cpus>, scale: Scale) -> Result<Vec<Figure>> {
    let mut out = Vec::new();
    let (daemon, started) = subject.start(cpus)?;
    let started = started.as_nanos() as f64;
    out.push(figure("exec to listening".into(), Unit::Time, started));
    let idle = resident(&daemon.process()?)?;
    out.push(figure("memory before a guest".into(), Unit::Size, idle));
    drop(daemon);
    for (size, total) in SIZES {
        let total = total / scale.divisor;
        let copy = plain_copy(size, total, cpus)?;
        for direction in [Direction::Up, Direction::Down] {
            let way = match direction {
                Direction::Up => "guest to host",
                Direction::Down => "host to guest",
            };
            let load = format!("{way}, {}", text::bytes(size as f64));
            let figures = subject.attempt(&load, || {
                let (daemon, _) = subject.start(cpus)?;
                stream(&daemon, &load, direction, size, total, copy)
            });
            out.extend(figures.into_iter().flatten());
        }
    }
    for (who, host) in [("guest", false), ("host", true)] {
        let load = format!("connections, {who} opens");
        let rate = subject.attempt(&load, || {
            let (daemon, _) = subject.start(cpus)?;
            connections(&daemon, &load, host, CONNECTIONS / scale.divisor)
        });
        out.extend(rate.into_iter().flatten());
    }
    let load = format!("memory with {IDLE_CONNECTIONS} idle connections");
    let size = subject.attempt(&load, || {
        let (daemon, _) = subject.start(cpus)?;
        idle_connections(&daemon)
    });
    out.extend(size.map(|size| figure(load, Unit::Size, size)));
    Ok(out)
}

fn figure(name: String, unit: Unit, value: f64) -> Figure {
    Figure { name, unit, value }
}

/// `copy`: what a plain copy of the same size moves in a second.
fn stream(
    daemon: &Daemon,
    load: &str,
    direction: Direction,
    size: usize,
    total: u64,
    copy: f64,
) -> Result<Vec<Figure>> {
    let process = daemon.process()?;
    let mut traffic = Traffic::boot(daemon.path(), size, LENT)?;
    let (mut connection, mut stream) = traffic.accept(&daemon.dir().join("v"))?;
    let before = process.cpu_time()?;
    let time = traffic.stream(direction, &mut connection, &mut stream, total)?;
    let spent = process.cpu_time()?.saturating_sub(before);
    let rate = total as f64 / time.as_secs_f64();
    // With the tenth before it that is for warming up.
    let mib = 1.1 * total as f64 / f64::from(1 << 20);
    let spent = spent.as_nanos() as f64 / mib;
    let name = |what: &str| format!("{load}: {what}");
    Ok(vec![
        figure(name("throughput"), Unit::Throughput, rate),
        figure(name("a plain copy beside it"), Unit::Throughput, copy),
        figure(name("of a plain copy"), Unit::Percent, 100.0 * rate / copy),
        figure(name("daemon CPU per MiB"), Unit::Time, spent),
        figure(name("memory after"), Unit::Size, resident(&process)?),
    ])
}

fn resident(process: &Process) -> Result<f64> {
    let resident = process.resident()?;
    Ok((resident.anonymous + resident.file) as f64)
}

/// Opens and ends connections one after the other.
fn connections(daemon: &Daemon, load: &str, host: bool, count: u64) -> Result<Vec<Figure>> {
    let process = daemon.process()?;
    let listener = UnixListener::bind(daemon.dir().join("v_1234"))?;
    let mut traffic = Traffic::boot(daemon.path(), 4096, LENT)?;
    let before = process.cpu_time()?;
    let start = Instant::now();
    for _ in 0..count {
        let (connection, stream) = if host {
            traffic.accept(&daemon.dir().join("v"))?
        } else {
            traffic.open(&listener)?
        };
        traffic.close(&connection, false)?;
        drop(stream);
    }
    let rate = count as f64 / start.elapsed().as_secs_f64();
    let spent = process.cpu_time()?.saturating_sub(before);
    let name = format!("{load}: daemon CPU for each");
    Ok(vec![
        figure(load.to_owned(), Unit::Rate, rate),
        figure(name, Unit::Time, spent.as_nanos() as f64 / count as f64),
    ])
}

fn idle_connections(daemon: &Daemon) -> Result<f64> {
    let listener = UnixListener::bind(daemon.dir().join("v_1234"))?;
    let mut traffic = Traffic::boot(daemon.path(), 4096, LENT)?;
    let held = (0..IDLE_CONNECTIONS)
        .map(|_| traffic.open(&listener))
        .collect::<Result<Vec<_>, _>>()?;
    let size = resident(&daemon.process()?)?;
    drop(held);
    Ok(size)
}

/// Bytes a second over a Unix socket between two processes, with buffers of `size` on both sides: one on
/// the daemon's CPU, and this on the driver's.
fn plain_copy(size: usize, total: u64, cpus: Option<Cpus>) -> Result<f64> {
    let (mut reader, writer) = UnixStream::pair()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["pour", "--size", &size.to_string()]);
    command.args(["--total", &total.to_string()]);
    if let Some(cpus) = cpus {
        command.args(["--cpu", &cpus.daemon.to_string()]);
    }
    let mut child = command.stdout(OwnedFd::from(writer)).spawn()?;
    // It has an end of the socket, too, and its start is not to be measured.
    drop(command);
    let mut buffer = vec![0; size];
    let mut got = reader.read(&mut buffer)? as u64;
    let start = Instant::now();
    let first = got;
    while got < total {
        match reader.read(&mut buffer)? {
            0 => break,
            bytes => got += bytes as u64,
        }
    }
    let time = start.elapsed();
    let status = child.wait()?;
    if !status.success() {
        return Err(format!("the writer of a plain copy failed: {status}").into());
    }
    Ok((got - first) as f64 / time.as_secs_f64())
}

/// What the other process of a plain copy is told.
#[derive(Args)]
pub(crate) struct Pour {
    /// Bytes of a buffer
    #[arg(long)]
    size: usize,
    /// Bytes in all
    #[arg(long)]
    total: u64,
    /// Where to run
    #[arg(long)]
    cpu: Option<usize>,
}

/// Writes to standard output, one system call a buffer.
pub(crate) fn pour(options: &Pour) -> Result<bool> {
    if let Some(cpu) = options.cpu {
        // Where it cannot be moved the figure is worth less, but there is one.
        let _ = Cpus::settle(cpu);
    }
    let mut out = File::from(std::io::stdout().as_fd().try_clone_to_owned()?);
    let buffer = vec![0x5a; options.size];
    let mut left = options.total;
    while left > 0 {
        left = left.saturating_sub(out.write(&buffer)? as u64);
    }
    Ok(true)
}
