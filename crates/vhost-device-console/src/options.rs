// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The command line of `vhost-device-console`.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::net::{IpAddr, TcpListener};
use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};
use vhost_user_daemon::{DaemonOptions, DeviceError, Program, SocketOptions};

use crate::{Console, Host, PortConfig, Settings};

/// The most ports over vhost-user, where a message that sets a queue's kick or call descriptor has
/// eight bits for its number. A driver that set up more queues would get those of others.
const MAX_PORTS: u32 = 127;

/// What the other end of a port is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// This terminal: standard input and output
    Nested,
    /// A TCP port to listen on
    Network,
    /// A Unix socket, to listen on or to connect to
    Uds,
    /// A pseudo-terminal
    Pty,
    /// A file to append output to; output beyond --size-cap is dropped
    File,
    /// A file to append output to; it is renamed to FILE.1 and begun anew at --size-cap
    Log,
}

/// Gives virtual machines consoles and serial ports (virtio-console) over vhost-user
#[derive(Debug, Parser)]
#[command(version)]
pub struct Options {
    /// What is at the other end of the ports
    ///
    /// --port gives single ports another one. Only one port of one guest can have this terminal.
    #[arg(short, long, value_enum, default_value_t = Backend::Nested)]
    pub backend: Backend,

    /// TCP port of the first port of the first guest, for the network backend
    ///
    /// Further ports, and then the ports of further guests, listen on the numbers that follow. One
    /// client at a time is served; the next one waits until it leaves.
    #[arg(short = 'p', long, value_name = "PORT", default_value_t = 12345,
        value_parser = clap::value_parser!(u16).range(1..))]
    pub tcp_port: u16,

    /// Address to listen on, for the network backend
    ///
    /// Whoever can connect has the guest's console, and nothing is encrypted.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub tcp_address: IpAddr,

    /// Path of the Unix socket, the file or the log
    ///
    /// Where there are several ports or guests, the number is appended: guest * ports + port.
    #[arg(long, value_name = "PATH")]
    pub path: Option<PathBuf>,

    /// Connect to the Unix socket instead of listening on it
    ///
    /// Tried once a second while there is no connection.
    #[arg(long)]
    pub uds_connect: bool,

    /// Symbolic link to make to the pseudo-terminal; numbered as --path
    ///
    /// The path of the pseudo-terminal itself is printed on standard output.
    #[arg(long, value_name = "PATH")]
    pub pty_link: Option<PathBuf>,

    /// Most bytes of a file or log [default: no limit]
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub size_cap: Option<u64>,

    /// Character that escape sequences on this terminal begin with
    ///
    /// A character, ^ and a letter or one of @[\]^_ for a control character, or "none". Behind it, q or .
    /// detaches the terminal (SIGCONT attaches it again), and the character itself goes to the guest.
    /// Ctrl-C goes to the guest always.
    #[arg(long, value_name = "CHARACTER", default_value = "^]", value_parser = parse_escape)]
    pub escape: Escape,

    /// KiB of output that each port keeps while nobody is attached
    ///
    /// The oldest bytes go first. Whoever attaches gets them in order, once. 0 keeps nothing. While
    /// somebody is attached nothing is dropped: the guest waits.
    #[arg(long, value_name = "KIB", default_value_t = 64,
        value_parser = clap::value_parser!(u32).range(..=65536))]
    pub scrollback: u32,

    /// Number of ports, 1 to 127
    ///
    /// Port 0 is a console (hvc0 with Linux); the others are plain ports (/dev/vport0p1) unless --port
    /// says otherwise. vhost-user has numbers for the queues of no more than these.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = parse_ports)]
    pub ports: u32,

    /// Settings of one port, as INDEX,KEY=VALUE,...
    ///
    /// Keys: name (of the port in the guest), console (on, off), backend, path (also of the link of a
    /// pseudo-terminal), tcp-port. What is not given is as for all ports; a path is used as it is for
    /// the first guest, and has the guest's number appended for the others.
    #[arg(long, value_name = "INDEX,KEY=VALUE", value_parser = parse_port)]
    pub port: Vec<PortOption>,

    /// Do not offer several ports: there is one console, with two queues
    #[arg(long, conflicts_with_all = ["ports", "port"])]
    pub no_multiport: bool,

    /// Descriptors of the largest ring that a driver may set up: a power of two, 2 to 1024
    ///
    /// Some drivers always use 256 (virtio over User-Mode Linux) and need --max-queue-size 256.
    #[arg(short = 'q', long, value_name = "N", default_value_t = 128, value_parser = parse_size)]
    pub max_queue_size: u16,

    #[allow(missing_docs)]
    #[command(flatten)]
    pub daemon: DaemonOptions,
}

/// An escape character, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Escape(Option<u8>);

/// What `--port` says of one port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortOption {
    index: usize,
    name: Option<String>,
    console: Option<bool>,
    backend: Option<Backend>,
    path: Option<PathBuf>,
    tcp_port: Option<u16>,
}

fn parse_escape(value: &str) -> Result<Escape, String> {
    match value.as_bytes() {
        b"none" => Ok(Escape(None)),
        [byte] if byte.is_ascii() => Ok(Escape(Some(*byte))),
        [b'^', byte] if (b'@'..=b'_').contains(&byte.to_ascii_uppercase()) => {
            Ok(Escape(Some(byte.to_ascii_uppercase() - b'@')))
        }
        _ => Err("give one character, ^ and a letter (^A), or none".to_owned()),
    }
}

fn parse_size(value: &str) -> Result<u16, String> {
    match value.parse::<u16>() {
        Ok(size) if size.is_power_of_two() && (2..=1024).contains(&size) => Ok(size),
        _ => Err("give a power of two from 2 to 1024".to_owned()),
    }
}

fn parse_ports(value: &str) -> Result<u32, String> {
    match value.parse() {
        Ok(ports) if (1..=MAX_PORTS).contains(&ports) => Ok(ports),
        Ok(MAX_PORTS..) => Err(format!(
            "vhost-user has numbers for 256 queues, which is {MAX_PORTS} ports; serve the others by a \
             second daemon"
        )),
        _ => Err(format!("give a number from 1 to {MAX_PORTS}")),
    }
}

fn parse_port(value: &str) -> Result<PortOption, String> {
    let mut parts = value.split(',');
    let index = parts.next().unwrap_or_default();
    let mut port = PortOption {
        index: index
            .parse()
            .ok()
            .filter(|&index| index < MAX_PORTS as usize)
            .ok_or_else(|| format!("{index:?} is no index of a port, 0 to {}", MAX_PORTS - 1))?,
        ..PortOption::default()
    };
    for part in parts {
        let (key, value) = part
            .split_once('=')
            .ok_or_else(|| format!("{part:?} is not of the form KEY=VALUE"))?;
        match key {
            "name" if (1..=128).contains(&value.len()) => port.name = Some(value.to_owned()),
            "name" => return Err("a name has 1 to 128 bytes".to_owned()),
            "console" => {
                port.console = Some(match value {
                    "on" => true,
                    "off" => false,
                    _ => return Err(format!("console={value}: give on or off")),
                });
            }
            "backend" => port.backend = Some(Backend::from_str(value, false)?),
            "path" => port.path = Some(value.into()),
            "tcp-port" => {
                let number = value.parse().ok().filter(|&number| number > 0);
                port.tcp_port = Some(number.ok_or("tcp-port: give 1 to 65535")?);
            }
            _ => {
                return Err(format!(
                    "unknown key {key:?}; there are name, console, backend, path, tcp-port"
                ));
            }
        }
    }
    Ok(port)
}

fn numbered(path: &Path, number: usize) -> PathBuf {
    let mut path = OsString::from(path);
    path.push(number.to_string());
    path.into()
}

impl Options {
    fn guest(&self, guest: usize, guests: usize) -> Result<Console, DeviceError> {
        let count = self.ports as usize;
        let ports = (0..count)
            .map(|index| {
                let own = self.port.iter().rfind(|port| port.index == index);
                self.open(guest, guests, index, own.unwrap_or(&PortOption::default()))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let settings = Settings {
            queue_size: self.max_queue_size,
            multiport: !self.no_multiport,
            scrollback: self.scrollback as usize * 1024,
        };
        Console::new(ports, settings)
            .map_err(|error| DeviceError::new(format!("cannot make a console: {error}")))
    }

    fn open(
        &self,
        guest: usize,
        guests: usize,
        index: usize,
        own: &PortOption,
    ) -> Result<PortConfig, DeviceError> {
        let count = self.ports as usize;
        let number = guest * count + index;
        let path = |common: &Option<PathBuf>| match (&own.path, common) {
            (Some(path), _) if guest == 0 => Some(path.clone()),
            (Some(path), _) => Some(numbered(path, guest)),
            (None, Some(path)) if guests * count == 1 => Some(path.clone()),
            (None, Some(path)) => Some(numbered(path, number)),
            (None, None) => None,
        };
        let backend = own.backend.unwrap_or(self.backend);
        let needed = || {
            path(&self.path).ok_or_else(|| {
                let what = format!("{backend:?}").to_lowercase();
                DeviceError::usage(format!("--backend {what} needs a path; give one by --path"))
            })
        };
        let host = match backend {
            Backend::Nested => Host::terminal(self.escape.0)
                .map_err(|error| failed("use this terminal", &"", error, "--backend")),
            Backend::Network => {
                let port = match own.tcp_port {
                    Some(port) => usize::from(port) + guest,
                    None => usize::from(self.tcp_port) + number,
                };
                let port = u16::try_from(port).map_err(|_| {
                    DeviceError::usage(format!(
                        "port {index} of guest {guest} would have TCP port {port}; give a lower --tcp-port"
                    ))
                })?;
                TcpListener::bind((self.tcp_address, port))
                    .and_then(Host::tcp)
                    .map_err(|error| {
                        let at = std::net::SocketAddr::new(self.tcp_address, port);
                        failed("listen on", &at, error, "--tcp-port")
                    })
            }
            Backend::Uds => {
                let path = needed()?;
                let (what, host) = if self.uds_connect {
                    ("connect to", Host::connect(&path))
                } else {
                    ("listen on", Host::unix(&path))
                };
                host.map_err(|error| failed(what, &path.display(), error, "--path"))
            }
            Backend::Pty => {
                let link = path(&self.pty_link);
                Host::pty(link.as_deref()).map_err(|error| {
                    let at = link.unwrap_or_default();
                    failed("make a pseudo-terminal", &at.display(), error, "--pty-link")
                })
            }
            Backend::File | Backend::Log => {
                let path = needed()?;
                Host::file(&path, self.size_cap, backend == Backend::Log)
                    .map_err(|error| failed("append to", &path.display(), error, "--path"))
            }
        }?;
        if let Some(path) = host.pty_path() {
            // The one thing that others read from standard output.
            println!("guest {guest} port {index}: {}", path.display());
        }
        Ok(PortConfig {
            name: own.name.clone(),
            console: own.console.unwrap_or(index == 0),
            host,
        })
    }

    /// Two readers of one terminal would each get a part of what is typed.
    fn check(&self, guests: usize) -> Result<(), DeviceError> {
        if let Some(port) = self.port.iter().find(|p| p.index >= self.ports as usize) {
            return Err(DeviceError::usage(format!(
                "--port {}: there are {} ports; raise --ports",
                port.index, self.ports
            )));
        }
        let nested = (0..self.ports as usize)
            .filter(|&index| {
                let own = self.port.iter().rfind(|port| port.index == index);
                own.and_then(|port| port.backend).unwrap_or(self.backend) == Backend::Nested
            })
            .count();
        if nested * guests > 1 {
            return Err(DeviceError::usage(format!(
                "--backend nested for {} ports: only one can have this terminal; give the others \
                 another backend (--port INDEX,backend=...)",
                nested * guests
            )));
        }
        Ok(())
    }
}

fn failed(what: &str, at: &dyn fmt::Display, error: io::Error, flag: &str) -> DeviceError {
    let at = at.to_string();
    let space = if at.is_empty() { "" } else { " " };
    DeviceError::new(format!(
        "cannot {what}{space}{at}: {error}; choose another {flag}"
    ))
}

impl Program for Options {
    type Device = Console;

    const KIND: &'static str = "console";

    fn socket_options(&self) -> &dyn SocketOptions {
        &self.daemon
    }

    fn devices(&self, guests: usize) -> Result<Vec<Console>, DeviceError> {
        self.check(guests)?;
        (0..guests).map(|guest| self.guest(guest, guests)).collect()
    }
}
