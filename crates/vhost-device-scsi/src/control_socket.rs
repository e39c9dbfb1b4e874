// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The operator's socket: one JSON object a line, and one line in answer to each.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;

use clap::ValueEnum;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use serde::Deserialize;
use serde_json::{Value, json};
use vhost_user_daemon::Endpoint;

use crate::disk::Cache;
use crate::server::{ImageOptions, Server};

/// Who sends more in one line does not mean a command.
const MAX_LINE: u64 = 64 * 1024;

/// Operators at a time. One that does nothing holds nobody up.
const MAX_CLIENTS: usize = 16;

/// How soon an operator who could not be let in, for want of descriptors, is tried again: the listener
/// would say all the time that somebody waits.
const PAUSE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 200_000_000,
};

/// What an operator may ask for.
#[derive(Debug, Deserialize)]
#[serde(tag = "command", rename_all = "lowercase", deny_unknown_fields)]
enum Request {
    Add {
        image: PathBuf,
        target: Option<u8>,
        #[serde(default)]
        lun: u16,
        serial: Option<String>,
        wwn: Option<String>,
        read_only: Option<bool>,
        solid_state: Option<bool>,
        block_size: Option<u32>,
        cache: Option<String>,
    },
    Remove {
        target: u8,
        #[serde(default)]
        lun: u16,
    },
    Resize {
        target: u8,
        #[serde(default)]
        lun: u16,
        size: Option<u64>,
    },
    List {},
}

/// Serves operators until it is dropped.
#[derive(Debug)]
pub struct ControlSocket {
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    server: Weak<Server>,
    /// What an image is unless the command says otherwise.
    defaults: ImageOptions,
    clients: Mutex<Vec<(usize, UnixStream)>>,
    next: AtomicUsize,
}

impl ControlSocket {
    /// Serves on a socket that listens already.
    pub fn serve(
        endpoint: Endpoint,
        server: &Arc<Server>,
        defaults: ImageOptions,
    ) -> io::Result<Self> {
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC)?);
        let shared = Arc::new(Shared {
            server: Arc::downgrade(server),
            defaults,
            clients: Mutex::default(),
            next: AtomicUsize::new(0),
        });
        let stopped = stop.clone();
        let thread = std::thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || {
                if let Endpoint::Listening { path, listener } = endpoint {
                    accept(&shared, &listener, &stopped);
                    drop(path);
                }
                for (_, client) in shared.clients().drain(..) {
                    let _ = client.shutdown(std::net::Shutdown::Both);
                }
            })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let _ = rustix::io::write(&*self.stop, &1u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn clients(&self) -> std::sync::MutexGuard<'_, Vec<(usize, UnixStream)>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn accept(shared: &Arc<Shared>, listener: &UnixListener, stop: &OwnedFd) {
    let mut told = false;
    loop {
        let mut fds = [
            PollFd::new(listener, PollFlags::IN),
            PollFd::new(stop, PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Ok(_) if !fds[1].revents().is_empty() => return,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
        let admitted = match listener.accept() {
            Ok((stream, _)) => admit(shared, stream),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock
                        | io::ErrorKind::Interrupted
                        | io::ErrorKind::ConnectionAborted
                ) =>
            {
                continue;
            }
            Err(error) => {
                let _ = poll(&mut [PollFd::new(stop, PollFlags::IN)], Some(&PAUSE));
                Err(error)
            }
        };
        match admitted {
            Ok(()) => told = false,
            Err(error) => {
                if !std::mem::replace(&mut told, true) {
                    log::warn!("an operator cannot be served: {error}");
                }
            }
        }
    }
}

fn admit(shared: &Arc<Shared>, mut stream: UnixStream) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    let id = shared.next.fetch_add(1, Ordering::Relaxed);
    {
        let mut clients = shared.clients();
        if clients.len() >= MAX_CLIENTS {
            let busy = failure(format!("{MAX_CLIENTS} operators are connected already"));
            return stream.write_all(line(&busy).as_bytes());
        }
        clients.push((id, stream.try_clone()?));
    }
    let theirs = shared.clone();
    let spawned = std::thread::Builder::new()
        .name("operator".to_owned())
        .spawn(move || {
            if let Err(error) = converse(&theirs, stream) {
                log::debug!("an operator's connection ended: {error}");
            }
            theirs.clients().retain(|(client, _)| *client != id);
        });
    if spawned.is_err() {
        shared.clients().retain(|(client, _)| *client != id);
    }
    spawned.map(drop)
}

fn converse(shared: &Shared, stream: UnixStream) -> io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let mut text = Vec::new();
    loop {
        text.clear();
        let read = (&mut reader).take(MAX_LINE).read_until(b'\n', &mut text)?;
        if read == 0 {
            return Ok(());
        }
        if text.last() != Some(&b'\n') && read as u64 == MAX_LINE {
            let answer = failure(format!("a line has more than {MAX_LINE} bytes"));
            return writer.write_all(line(&answer).as_bytes());
        }
        if text.trim_ascii().is_empty() {
            continue;
        }
        let Some(server) = shared.server.upgrade() else {
            return Ok(());
        };
        let answer = match serde_json::from_slice(&text) {
            Ok(request) => carry_out(&server, &shared.defaults, request),
            Err(error) => failure(format!("not a command: {error}")),
        };
        writer.write_all(line(&answer).as_bytes())?;
    }
}

fn line(answer: &Value) -> String {
    format!("{answer}\n")
}

fn failure(what: impl std::fmt::Display) -> Value {
    json!({ "ok": false, "error": what.to_string() })
}

fn carry_out(server: &Server, defaults: &ImageOptions, request: Request) -> Value {
    match request {
        Request::Add {
            image,
            target,
            lun,
            serial,
            wwn,
            read_only,
            solid_state,
            block_size,
            cache,
        } => {
            let wwn = match wwn.as_deref().map(crate::options::parse_wwn).transpose() {
                Ok(wwn) => wwn,
                Err(error) => return failure(error),
            };
            let mut options = ImageOptions {
                target,
                lun,
                serial,
                wwn,
                ..defaults.clone()
            };
            options.disk.path = image;
            // A daemon that was told to serve images read-only does so.
            options.disk.read_only |= read_only.unwrap_or(false);
            options.solid_state = solid_state.unwrap_or(options.solid_state);
            match block_size {
                None => {}
                Some(size @ (512 | 4096)) => options.disk.block_size = size,
                Some(_) => return failure("block_size is 512 or 4096"),
            }
            match cache.map(|cache| Cache::from_str(&cache, false)) {
                None => {}
                Some(Ok(cache)) => options.disk.cache = cache,
                Some(Err(_)) => return failure("cache is writeback, writethrough or none"),
            }
            match server.add(&options) {
                Ok((target, lun)) => json!({ "ok": true, "target": target, "lun": lun }),
                Err(error) => failure(error),
            }
        }
        Request::Remove { target, lun } => {
            if server.remove(target, lun) {
                json!({ "ok": true })
            } else {
                failure(format!("target {target} has no unit {lun}"))
            }
        }
        Request::Resize { target, lun, size } => match server.resize(target, lun, size) {
            Ok(Some(blocks)) => json!({ "ok": true, "blocks": blocks }),
            Ok(None) => failure(format!("target {target} has no unit {lun}")),
            Err(error) => failure(format!("the size cannot be changed: {error}")),
        },
        Request::List {} => {
            let units: Vec<_> = server
                .list()
                .into_iter()
                .map(|unit| {
                    json!({
                        "target": unit.target,
                        "lun": unit.lun,
                        "image": unit.path.to_string_lossy(),
                        "blocks": unit.blocks,
                        "block_size": unit.block_size,
                        "read_only": unit.read_only,
                        "serial": unit.serial,
                        "wwn": format!("{:016x}", unit.wwn),
                        "registrations": unit.registrations,
                    })
                })
                .collect();
            json!({ "ok": true, "units": units })
        }
    }
}
