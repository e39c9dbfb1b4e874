// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The command line of `vhost-device-scsi`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Parser, ValueEnum};
use vhost_user_daemon::options::{Access, CommonOptions, Sockets, Source, indexed};
use vhost_user_daemon::{DeviceError, Program, SocketOptions, listen};
use virtio_device::EngineKind;

use crate::disk::{Cache, DiskOptions};
use crate::server::{ImageOptions, Server, probe_uring};
use crate::{ControlSocket, KeptReservations, MAX_QUEUES, Scsi};

/// More guests than that in one process are a typing error.
const MAX_SOCKETS: i64 = 1024;

/// What moves data between images and guests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum IoEngine {
    /// io_uring where the kernel allows it, else threads
    #[default]
    Auto,
    /// io_uring, or do not start
    #[value(name = "io_uring", alias = "io-uring")]
    IoUring,
    /// Threads
    Threads,
}

/// Gives virtual machines SCSI disks (virtio-scsi) over vhost-user
#[derive(Debug, Parser)]
#[command(version)]
pub struct Options {
    /// Raw image or block device; each becomes unit 0 of a target of its own
    ///
    /// The first is target 0, the next target 1 and so on, without those that --disk names.
    #[arg(value_name = "IMAGE")]
    pub images: Vec<PathBuf>,

    /// An image with properties of its own: KEY=VALUE,...,path=IMAGE
    ///
    /// Keys: target (0 to 255, the first free one unless told), lun (0 to 16383), serial, wwn (16
    /// hexadecimal digits), read-only, solid-state (on or off), block-size, cache. `path` comes last
    /// and takes all that follows, commas included.
    #[arg(long, value_name = "KEY=VALUE,...", value_parser = parse_disk)]
    pub disk: Vec<DiskArg>,

    /// Path of the socket to listen on, used as it is
    ///
    /// With --socket-count the guest's number is appended to it. A socket that nobody listens on any
    /// more is replaced; any other file is left alone, and is an error.
    #[arg(short, long, value_name = "PATH", conflicts_with_all = ["socket_fd", "fd"])]
    pub socket_path: Option<PathBuf>,

    /// Number of guests that share the images; guest N listens on PATHN
    ///
    /// All of them see the same units. Guests that write to the same unit have to know of each other:
    /// a cluster file system, or persistent reservations.
    #[arg(short = 'c', long, value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=MAX_SOCKETS))]
    pub socket_count: Option<u32>,

    /// Open the images read-only, and refuse every command that writes
    #[arg(short, long)]
    pub read_only: bool,

    /// Tell guests that the images do not rotate
    #[arg(long)]
    pub solid_state: bool,

    /// Bytes of a block
    #[arg(long, value_name = "BYTES", default_value = "512", value_parser = parse_block_size)]
    pub block_size: u32,

    /// What happens to a write before it is on the medium
    #[arg(long, value_enum, default_value_t = Cache::Writeback)]
    pub cache: Cache,

    /// Number of request queues, each with a thread of its own
    #[arg(long, value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_QUEUES)))]
    pub num_queues: u16,

    /// What moves data that the page cache does not have
    #[arg(long, value_enum, default_value_t = IoEngine::Auto)]
    pub io_engine: IoEngine,

    /// Listen for commands on this socket: add, remove, resize, list
    ///
    /// One JSON object a line, one line in answer to each. Only the daemon's own user may connect.
    #[arg(long, value_name = "PATH")]
    pub control: Option<PathBuf>,

    /// Keep persistent reservations in this file when guests ask for that (APTPL)
    ///
    /// Without it, guests are told that reservations end with the daemon. One daemon has the file, and
    /// holds a lock on FILE.lock meanwhile.
    #[arg(long, value_name = "FILE")]
    pub reservations: Option<PathBuf>,

    /// Do not lock the images, nor the file of --reservations
    ///
    /// For migration within one host or over a shared file system: the daemon that a guest moves to
    /// opens them while the one that it comes from still has them.
    #[arg(long)]
    pub no_lock: bool,

    #[allow(missing_docs)]
    #[command(flatten)]
    pub common: CommonOptions,
}

/// The value of `--disk`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskArg {
    path: PathBuf,
    target: Option<u8>,
    lun: u16,
    serial: Option<String>,
    wwn: Option<u64>,
    read_only: Option<bool>,
    solid_state: Option<bool>,
    block_size: Option<u32>,
    cache: Option<Cache>,
}

fn parse_block_size(value: &str) -> Result<u32, String> {
    match value {
        "512" => Ok(512),
        "4096" => Ok(4096),
        _ => Err("give 512 or 4096".to_owned()),
    }
}

pub(crate) fn parse_wwn(value: &str) -> Result<u64, String> {
    let digits = value.strip_prefix("0x").unwrap_or(value);
    match u64::from_str_radix(digits, 16) {
        Ok(wwn) if digits.len() == 16 && !digits.starts_with('+') && wwn != 0 => Ok(wwn),
        _ => Err("a world-wide name has 16 hexadecimal digits".to_owned()),
    }
}

fn parse_switch(value: &str) -> Result<bool, String> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("'{value}' is neither on nor off")),
    }
}

fn parse_disk(value: &str) -> Result<DiskArg, String> {
    let mut disk = DiskArg::default();
    let mut rest = value;
    loop {
        if let Some(path) = rest.strip_prefix("path=") {
            if path.is_empty() {
                return Err("the path is empty".to_owned());
            }
            disk.path = path.into();
            return Ok(disk);
        }
        let Some((pair, more)) = rest.split_once(',') else {
            return Err("path=IMAGE has to come last".to_owned());
        };
        rest = more;
        let (key, value) = pair.split_once('=').unwrap_or((pair, "on"));
        let number = |what: &str| format!("'{value}' is not a {what}");
        match key {
            "target" => disk.target = Some(value.parse().map_err(|_| number("target"))?),
            "lun" => disk.lun = value.parse().map_err(|_| number("unit"))?,
            "serial" => disk.serial = Some(value.to_owned()),
            "wwn" => disk.wwn = Some(parse_wwn(value)?),
            "read-only" => disk.read_only = Some(parse_switch(value)?),
            "solid-state" => disk.solid_state = Some(parse_switch(value)?),
            "block-size" => disk.block_size = Some(parse_block_size(value)?),
            "cache" => disk.cache = Some(Cache::from_str(value, false)?),
            _ => return Err(format!("there is no key '{key}'")),
        }
    }
}

impl SocketOptions for Options {
    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn sockets(&self) -> Sockets {
        let paths = self.socket_path.as_deref().map(|path| {
            self.socket_count
                .map_or_else(|| vec![path.to_owned()], |count| indexed(path, count))
        });
        self.common
            .sockets(paths, "--socket-path", self.socket_count)
    }
}

impl Options {
    fn defaults(&self) -> ImageOptions {
        ImageOptions {
            disk: DiskOptions {
                path: PathBuf::new(),
                read_only: self.read_only,
                block_size: self.block_size,
                cache: self.cache,
                unlocked: self.no_lock,
            },
            solid_state: self.solid_state,
            target: None,
            lun: 0,
            serial: None,
            wwn: None,
        }
    }

    /// Those that name their target first, so that no other takes it.
    fn all_images(&self) -> Vec<ImageOptions> {
        let named = self.disk.iter().map(|disk| {
            let mut image = self.defaults();
            image.disk.path = disk.path.clone();
            image.disk.read_only |= disk.read_only.unwrap_or(false);
            image.disk.block_size = disk.block_size.unwrap_or(self.block_size);
            image.disk.cache = disk.cache.unwrap_or(self.cache);
            image.solid_state = disk.solid_state.unwrap_or(self.solid_state);
            image.target = disk.target;
            image.lun = disk.lun;
            image.serial = disk.serial.clone();
            image.wwn = disk.wwn;
            image
        });
        let plain = self.images.iter().map(|path| {
            let mut image = self.defaults();
            image.disk.path = path.clone();
            image
        });
        let (mut first, others): (Vec<_>, Vec<_>) =
            named.partition(|image: &ImageOptions| image.target.is_some());
        first.extend(plain);
        first.extend(others);
        first
    }

    fn engine(&self) -> Result<EngineKind, DeviceError> {
        let kind = match self.io_engine {
            IoEngine::Threads => EngineKind::Threads,
            IoEngine::IoUring => match probe_uring() {
                Ok(()) => EngineKind::Uring,
                Err(error) => {
                    return Err(DeviceError::new(format!(
                        "--io-engine io_uring: this host does not allow it: {error}; use threads \
                         or auto"
                    )));
                }
            },
            IoEngine::Auto => match probe_uring() {
                Ok(()) => EngineKind::Uring,
                Err(error) => {
                    log::info!("no io_uring on this host: {error}");
                    EngineKind::Threads
                }
            },
        };
        log::info!("I/O engine: {kind}");
        Ok(kind)
    }

    fn open_control(&self, path: PathBuf) -> Result<listen::Endpoint, DeviceError> {
        let sockets = Sockets {
            source: Source::Paths {
                paths: vec![path],
                flag: "--control",
            },
            access: Access {
                mode: Some(0o600),
                group: None,
            },
        };
        let mut endpoints = listen::open(&sockets).map_err(DeviceError::new)?;
        endpoints
            .pop()
            .ok_or_else(|| DeviceError::new("--control: there is no socket"))
    }
}

impl Program for Options {
    type Device = Scsi;

    const KIND: &'static str = "scsi";

    fn socket_options(&self) -> &dyn SocketOptions {
        self
    }

    fn devices(&self, guests: usize) -> Result<Vec<Scsi>, DeviceError> {
        let images = self.all_images();
        if images.is_empty() && self.control.is_none() {
            return Err(DeviceError::usage(
                "there is nothing to serve: give an IMAGE, or --control PATH to add some later",
            ));
        }
        let engine = self.engine()?;
        let kept = match &self.reservations {
            Some(path) => Some(KeptReservations::open(path, !self.no_lock).map_err(|error| {
                DeviceError::new(format!(
                    "cannot keep reservations in --reservations {}: {error}; give each daemon a file \
                     that can be written, or move a damaged one away",
                    path.display()
                ))
            })?),
            None => None,
        };
        let server = Server::new(guests, engine, kept.map(Arc::new)).map_err(DeviceError::new)?;
        for image in &images {
            server.add(image).map_err(|error| {
                DeviceError::new(format!("IMAGE {}: {error}", image.disk.path.display()))
            })?;
        }
        let control = match &self.control {
            Some(path) => {
                let endpoint = self.open_control(path.clone())?;
                let control = ControlSocket::serve(endpoint, &server, self.defaults());
                Some(Arc::new(control.map_err(DeviceError::new)?))
            }
            None => None,
        };
        Ok((0..guests)
            .map(|guest| Scsi::new(&server, guest, self.num_queues).with_control(control.clone()))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn a_disk_has_its_properties_and_a_path_with_commas() {
        let disk = parse_disk(
            "target=3,lun=1,serial=abc,wwn=3000000000000001,read-only,cache=none,path=/a,b=c",
        )
        .unwrap();

        assert_eq!(disk.path, PathBuf::from("/a,b=c"));
        assert_eq!((disk.target, disk.lun), (Some(3), 1));
        assert_eq!(disk.serial.as_deref(), Some("abc"));
        assert_eq!(disk.wwn, Some(0x3000_0000_0000_0001));
        assert_eq!(disk.read_only, Some(true));
        assert_eq!(disk.cache, Some(Cache::None));
    }

    #[test]
    fn a_disk_without_path_or_with_unknown_keys_is_refused() {
        for wrong in [
            "",
            "target=1",
            "target=256,path=x",
            "colour=red,path=x",
            "wwn=12,path=x",
            "block-size=1024,path=x",
            "read-only=maybe,path=x",
            "path=",
        ] {
            assert!(parse_disk(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_socket_is_plain_unless_guests_are_counted() {
        let plain = Options::parse_from(["x", "-s", "/s", "i"]).sockets();
        let counted = Options::parse_from(["x", "-s", "/s", "-c", "2", "i"]).sockets();

        assert!(matches!(plain.source, Source::Paths { paths, .. }
            if paths == [PathBuf::from("/s")]));
        assert!(matches!(counted.source, Source::Paths { paths, .. }
            if paths == [PathBuf::from("/s0"), PathBuf::from("/s1")]));
    }
}
