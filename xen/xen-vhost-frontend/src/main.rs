// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Serves virtio-mmio devices to Xen guests; vhost-user daemons built for Xen do the work.
//!
//! It watches `backend/virtio/DOMAIN/DEVICE` of its own domain in xenstore, where the toolstack (or
//! `xenstore-write`) puts `base`, `irq` and `type`. Each guest has a thread, an I/O request server, and
//! one connection for each device.

#![forbid(unsafe_code)]

mod backend;
mod domain;
mod mmio;
mod regions;
mod request;

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use clap::Parser;
use log::{error, info, warn};
use rustix::event::{EventfdFlags, eventfd};
use xen_store::Store;

use crate::domain::{Guest, Place, Reach};

/// Guests that are served at once.
const MAX_GUESTS: usize = 256;
/// Devices of one guest.
const MAX_DEVICES: usize = 32;
/// How long a signal may wait.
const PAUSE: Duration = Duration::from_secs(1);

/// Serves virtio-mmio devices to Xen guests, by vhost-user daemons.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// The daemon for a type of device: its virtio number and its socket, in which `{domain}` and
    /// `{device}` stand for the numbers in xenstore; may be given several times
    #[arg(long = "backend", value_name = "TYPE=SOCKET", required = true, value_parser = parse_backend)]
    backends: Vec<(u32, String)>,

    /// How daemons reach the guests' memory
    #[arg(long, value_enum, default_value = "grant")]
    mapping: Reach,
}

fn parse_backend(text: &str) -> Result<(u32, String), String> {
    let (number, socket) = text
        .split_once('=')
        .ok_or("give TYPE=SOCKET, as in 4=/run/rng.sock{domain}")?;
    let number = number
        .parse()
        .map_err(|_| format!("{number}: give the number of a virtio device, as 4 for entropy"))?;
    if socket.is_empty() {
        return Err("give a socket after =".to_owned());
    }
    Ok((number, socket.to_owned()))
}

/// A guest that is served.
struct Served {
    guest: Guest,
    stop: OwnedFd,
    thread: JoinHandle<()>,
}

impl Served {
    fn start(guest: Guest) -> io::Result<Self> {
        let stop = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let watched = stop.try_clone()?;
        let ours = guest.clone();
        let name = format!("domain {}", guest.domain);
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            let domain = ours.domain;
            match domain::serve(ours, &watched) {
                Ok(()) => info!("domain {domain}: served no more"),
                Err(error) => warn!("domain {domain}: {error}"),
            }
        })?;
        Ok(Self {
            guest,
            stop,
            thread,
        })
    }

    fn end(self) {
        let _ = rustix::io::write(&self.stop, &1u64.to_ne_bytes()); // it cannot be full
        if self.thread.join().is_err() {
            error!("domain {}: its thread panicked", self.guest.domain);
        }
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> io::Result<()> {
    let end = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&end))?;
    }
    let mut store = Store::open()?;
    let own = match store.read_text("domid") {
        Ok(own) => own,
        Err(error) if error.is_not_found() => "0".to_owned(),
        Err(error) => return Err(error.into()),
    };
    let root = format!("/local/domain/{}/backend/virtio", own.trim());
    store.watch(&root, "devices")?;
    store.watch("@releaseDomain", "gone")?;
    info!("watching {root}");
    let mut served: BTreeMap<u16, Served> = BTreeMap::new();
    while !end.load(Ordering::Relaxed) {
        let wanted = wanted(&mut store, &root, options);
        let keys: Vec<u16> = served.keys().copied().collect();
        for domain in keys {
            let stays = served.get(&domain).is_some_and(|served| {
                let same = wanted
                    .get(&domain)
                    .is_some_and(|guest| guest.places == served.guest.places);
                same && !served.thread.is_finished()
            });
            if !stays && let Some(gone) = served.remove(&domain) {
                gone.end();
            }
        }
        for (domain, guest) in wanted {
            if !served.contains_key(&domain) && served.len() < MAX_GUESTS {
                served.insert(domain, Served::start(guest)?);
            }
        }
        store.event(PAUSE)?;
    }
    served.into_values().for_each(Served::end);
    Ok(())
}

/// What xenstore has for us. What cannot be read yet will have an event.
fn wanted(store: &mut Store, root: &str, options: &Options) -> BTreeMap<u16, Guest> {
    let mut guests = BTreeMap::new();
    for name in store.directory(root).unwrap_or_default() {
        let Ok(domain) = name.parse() else { continue };
        // A domain that is gone leaves its nodes until the toolstack removes them.
        let memory = store.read_text(&format!("/local/domain/{domain}/memory/target"));
        let Some(memory_kib) = memory.ok().and_then(|text| text.trim().parse().ok()) else {
            continue;
        };
        let folder = format!("{root}/{domain}");
        let mut places = Vec::new();
        for device in store
            .directory(&folder)
            .unwrap_or_default()
            .iter()
            .take(MAX_DEVICES)
        {
            let mut node = |name: &str| store.read_text(&format!("{folder}/{device}/{name}")).ok();
            let (base, irq, kind) = (node("base"), node("irq"), node("type"));
            places.extend(place(options, domain, device, base, irq, kind));
        }
        if !places.is_empty() {
            let reach = options.mapping;
            let guest = Guest {
                domain,
                reach,
                memory_kib,
                places,
            };
            guests.insert(domain, guest);
        }
    }
    guests
}

/// A device, if its nodes are complete and a backend is known for it.
fn place(
    options: &Options,
    domain: u16,
    device: &str,
    base: Option<String>,
    irq: Option<String>,
    kind: Option<String>,
) -> Option<Place> {
    let number = kind_number(&kind?)?;
    let (_, socket) = options.backends.iter().find(|(kind, _)| *kind == number)?;
    let socket = socket
        .replace("{domain}", &domain.to_string())
        .replace("{device}", device);
    let base = parse_number(&base?)?;
    base.checked_add(mmio::SIZE)?;
    Some(Place {
        device: number,
        base,
        irq: u32::try_from(parse_number(&irq?)?).ok()?,
        socket: PathBuf::from(socket),
    })
}

/// `virtio,device22`, as in device trees: hexadecimal.
fn kind_number(kind: &str) -> Option<u32> {
    let digits = kind.trim().strip_prefix("virtio,device")?;
    u32::from_str_radix(digits, 16).ok()
}

fn parse_number(text: &str) -> Option<u64> {
    let text = text.trim();
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    fn options() -> Options {
        Options::parse_from([
            "x",
            "--backend",
            "34=/run/i2c{domain}-{device}",
            "--mapping",
            "foreign",
        ])
    }

    fn found(base: &str, irq: &str, kind: &str) -> Option<Place> {
        let [base, irq, kind] = [base, irq, kind].map(|text| Some(text.to_owned()));
        place(&options(), 7, "0", base, irq, kind)
    }

    #[test]
    fn a_complete_device_has_its_socket() {
        let expected = Place {
            device: 34,
            base: 0x200_0000,
            irq: 33,
            socket: PathBuf::from("/run/i2c7-0"),
        };

        assert_eq!(found("0x2000000", "33", "virtio,device22"), Some(expected));
    }

    #[test]
    fn devices_without_backend_or_sense_are_left_out() {
        assert_eq!(found("0x2000000", "33", "virtio,device4"), None);
        assert_eq!(found("0xffffffffffffffff", "33", "virtio,device22"), None);
        assert_eq!(found("", "33", "virtio,device22"), None);
        assert_eq!(place(&options(), 7, "0", None, None, None), None);
    }

    #[test]
    fn a_backend_without_socket_is_refused_with_the_mend() {
        assert!(parse_backend("4").unwrap_err().contains("TYPE=SOCKET"));
        assert!(parse_backend("rng=/x").unwrap_err().contains("number"));
        assert!(parse_backend("4=").is_err());
    }

    /// A xenstore with these nodes, which are all that it has.
    fn store(nodes: &'static [(&'static str, &'static str)]) -> Store {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        std::thread::spawn(move || {
            let mut head = [0; 16];
            while theirs.read_exact(&mut head).is_ok() {
                let word = |at: usize| u32::from_ne_bytes(head[at..at + 4].try_into().unwrap());
                let mut path = vec![0; word(12) as usize];
                theirs.read_exact(&mut path).unwrap();
                let path = String::from_utf8(path).unwrap();
                let path = path.trim_end_matches('\0');
                let answer = match word(0) {
                    xen_sys::XS_READ => nodes
                        .iter()
                        .find(|(node, _)| *node == path)
                        .map(|(_, value)| (*value).to_owned()),
                    _ => Some(children(nodes, path)),
                };
                let kind = answer.as_ref().map_or(xen_sys::XS_ERROR, |_| word(0));
                let body = answer.unwrap_or_else(|| "ENOENT\0".to_owned());
                for word in [kind, word(4), word(8), body.len() as u32] {
                    theirs.write_all(&word.to_ne_bytes()).unwrap();
                }
                theirs.write_all(body.as_bytes()).unwrap();
            }
        });
        ours.into()
    }

    fn children(nodes: &[(&str, &str)], path: &str) -> String {
        let below = format!("{path}/");
        let names: BTreeSet<_> = nodes
            .iter()
            .filter_map(|(node, _)| node.strip_prefix(&below)?.split('/').next())
            .collect();
        names.iter().map(|name| format!("{name}\0")).collect()
    }

    #[test]
    fn guests_with_memory_and_a_whole_device_are_wanted_and_no_others() {
        let mut store = store(&[
            ("/local/domain/7/memory/target", "65536"),
            ("/local/domain/8/memory/target", "65536"),
            ("/b/7/0/base", "0x2000000"),
            ("/b/7/0/irq", "33"),
            ("/b/7/0/type", "virtio,device22"),
            ("/b/8/0/base", "0x2000000"),
            ("/b/9/0/base", "0x2000000"),
            ("/b/9/0/irq", "33"),
            ("/b/9/0/type", "virtio,device22"),
            ("/b/none/0/base", "0"),
        ]);

        let wanted = wanted(&mut store, "/b", &options());

        let guest = &wanted[&7];
        assert_eq!(wanted.len(), 1);
        assert_eq!(guest.memory_kib, 65536);
        assert_eq!(guest.places.len(), 1);
    }
}
