// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The command line of `vhost-device-vsock`.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use clap::Parser;
use rustix::process::{Resource, getrlimit};
use vhost_user_daemon::options::Sockets;
use vhost_user_daemon::{CommonOptions, DeviceError, Program, SocketOptions};

use crate::config::{ConfigError, GuestConfig};
use crate::worker::MAX_CLOSINGS;
use crate::{Limits, Switch, Vsock};

/// What the socket of a host program holds by itself, on top of what is kept here. A guest whose
/// packets are as long as its whole credit would otherwise wait for each of them to arrive.
const SOCKET_ROOM: u32 = 448 * 1024;

/// Descriptors that a guest needs besides its connections: rings, memory, sockets, events, and what is
/// about to be closed.
const OTHER_DESCRIPTORS: u64 = 64 + MAX_CLOSINGS as u64;

/// No guest of ours may have more connections, whatever the process's limit.
const MAX_CONNECTIONS: u64 = 128 * 1024;

/// Connects virtual machines' sockets (virtio-vsock) with the host's over vhost-user
#[derive(Debug, Parser)]
#[command(version)]
pub struct Options {
    /// Context id (CID) of the guest, 3 or above [default: 3]
    ///
    /// It names the guest to others. 0, 1 and 2 are the hypervisor's, the loopback's and the host's.
    #[arg(long, value_name = "CID", conflicts_with_all = ["vm", "config"])]
    pub guest_cid: Option<u64>,

    /// Path of the socket to listen on for the guest's frontend
    ///
    /// A socket that nobody listens on any more is replaced; any other file is left alone, and is an
    /// error.
    #[arg(short, long, value_name = "PATH", visible_alias = "socket-path",
        conflicts_with_all = ["vm", "config", "socket_fd", "fd"])]
    pub socket: Option<PathBuf>,

    /// Connect the guest with programs of the host by Unix sockets that begin with this path
    ///
    /// A connection of the guest to port N of the host goes to PATH_N. A program that wants to connect
    /// to port N of the guest connects to PATH, sends the line "CONNECT N", and reads a line "OK M".
    /// Connections with message boundaries (SOCK_SEQPACKET) go to PATH_N, or else PATH.seqpacket_N, and
    /// come by PATH.seqpacket in the same manner.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["vm", "config", "forward_cid"])]
    pub uds_path: Option<PathBuf>,

    /// Forward the guest's connections to this CID of the host's AF_VSOCK
    ///
    /// A connection to port N of the host goes to port N of that CID: 1 for programs on this host,
    /// which needs the module vsock_loopback. So does one to any other CID that no guest of this
    /// daemon has.
    #[arg(long, value_name = "CID", conflicts_with_all = ["vm", "config"])]
    pub forward_cid: Option<u32>,

    /// Ports of that CID to listen on, and to connect with the same ports of the guest
    ///
    /// Numbers with + in between. PORT/seqpacket is one for connections with message boundaries.
    #[arg(long, value_name = "PORT+PORT", requires = "forward_cid",
        conflicts_with_all = ["vm", "config"])]
    pub forward_listen: Option<String>,

    /// Bytes of a connection that are kept for a host program that does not read [default: 65536]
    ///
    /// The guest's credit for each connection is this and 448 KiB, which is what a socket of the host
    /// holds by itself.
    #[arg(long, value_name = "BYTES", conflicts_with_all = ["vm", "config"])]
    pub tx_buffer_size: Option<u32>,

    /// Largest queue that the guest may set up, a power of two [default: 1024]
    ///
    /// Up to 256 are always possible.
    #[arg(long, value_name = "N", conflicts_with_all = ["vm", "config"])]
    pub queue_size: Option<u16>,

    /// Groups of the guest, with + in between [default: default]
    ///
    /// Guests of one process that have a group in common can connect to each other by their CIDs.
    #[arg(long, value_name = "NAME+NAME", conflicts_with_all = ["vm", "config"])]
    pub groups: Option<String>,

    /// A guest of several, as key=value,...: the keys are the flags above
    ///
    /// Once for each guest, for example --vm guest-cid=4,socket=/run/4.sock,uds-path=/run/4.vsock
    #[arg(long, value_name = "KEY=VALUE,...", conflicts_with = "config",
        value_parser = GuestConfig::from_pairs)]
    pub vm: Vec<GuestConfig>,

    /// YAML file that describes the guests
    ///
    /// A list "vms", each item with the flags above as its keys, with underscores or dashes.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Seconds that a host program may take to say which port it wants, and a guest to answer
    #[arg(long, value_name = "SECONDS", default_value_t = 30,
        value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub connect_timeout: u32,

    #[allow(missing_docs)]
    #[command(flatten)]
    pub common: CommonOptions,

    /// What `check` made of the flags.
    #[arg(skip)]
    guests: OnceLock<Vec<GuestConfig>>,
}

impl Options {
    fn described(&self) -> Result<Vec<GuestConfig>, ConfigError> {
        if let Some(path) = &self.config {
            return GuestConfig::from_file(path);
        }
        if !self.vm.is_empty() {
            return Ok(self.vm.clone());
        }
        Ok(vec![GuestConfig {
            guest_cid: self.guest_cid,
            socket: self.socket.clone(),
            uds_path: self.uds_path.clone(),
            forward_cid: self.forward_cid,
            forward_listen: self.forward_listen.clone(),
            tx_buffer_size: self.tx_buffer_size,
            queue_size: self.queue_size,
            groups: self.groups.clone(),
        }])
    }

    fn guests(&self) -> &[GuestConfig] {
        self.guests.get().map_or(&[], Vec::as_slice)
    }
}

impl SocketOptions for Options {
    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn sockets(&self) -> Sockets {
        let paths: Option<Vec<_>> = self
            .guests()
            .iter()
            .map(|guest| guest.socket.clone())
            .collect();
        let count = u32::try_from(self.guests().len()).unwrap_or(u32::MAX);
        self.common.sockets(
            paths.filter(|paths| !paths.is_empty()),
            "--socket",
            Some(count),
        )
    }
}

impl Program for Options {
    type Device = Vsock;

    const KIND: &'static str = "vsock";

    fn check(&self) -> Result<(), DeviceError> {
        let guests = self.described().map_err(DeviceError::usage)?;
        let some = guests.iter().any(|guest| guest.socket.is_some());
        if some && let Some(guest) = guests.iter().find(|guest| guest.socket.is_none()) {
            return Err(DeviceError::usage(format!(
                "the guest with CID {} has no socket; give each guest one, or none for sockets of the \
                 service manager",
                guest.cid()
            )));
        }
        for guest in &guests {
            guest
                .backend()
                .and_then(|_| guest.tx_buffer())
                .and_then(|_| guest.queue_size())
                .map_err(|error| {
                    if guests.len() > 1 {
                        DeviceError::usage(format!("guest with CID {}: {error}", guest.cid()))
                    } else {
                        DeviceError::usage(error)
                    }
                })?;
        }
        let _ = self.guests.set(guests);
        Ok(())
    }

    fn socket_options(&self) -> &dyn SocketOptions {
        self
    }

    fn devices(&self, guests: usize) -> Result<Vec<Vsock>, DeviceError> {
        let described = self.guests();
        if described.len() != guests {
            return Err(DeviceError::usage(format!(
                "{} guests are described, and there are {guests} sockets; describe each by a --vm",
                described.len()
            )));
        }
        let switch = Switch::new();
        let connections = connections(guests);
        described
            .iter()
            .map(|guest| {
                let limits = Limits {
                    window: guest.tx_buffer().map_err(DeviceError::usage)? + SOCKET_ROOM,
                    connections,
                    connect_timeout: Duration::from_secs(self.connect_timeout.into()),
                    ..Limits::default()
                };
                let backend = guest.backend().map_err(DeviceError::usage)?;
                let size = guest.queue_size().map_err(DeviceError::usage)?;
                let device = Vsock::new(guest.cid(), guest.groups(), &switch, backend, limits)?;
                Ok(device.with_queue_size(size))
            })
            .collect()
    }
}

/// Each guest gets a part of the process's descriptors, so that none can take another's.
fn connections(guests: usize) -> usize {
    let guests = guests.max(1) as u64;
    let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let each = (limit / guests).saturating_sub(OTHER_DESCRIPTORS);
    each.clamp(16, MAX_CONNECTIONS) as usize
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parse(args: &[&str]) -> Options {
        Options::try_parse_from([&["vhost-device-vsock"], args].concat()).unwrap()
    }

    fn refusal(args: &[&str]) -> String {
        parse(args).check().unwrap_err().to_string()
    }

    #[test]
    fn the_command_line_is_consistent_and_every_flag_has_help() {
        let command = Options::command();
        for arg in command.get_arguments() {
            assert!(arg.get_help().is_some(), "{}", arg.get_id());
        }
        command.debug_assert();
    }

    #[test]
    fn flags_and_a_vm_describe_the_same_guest() {
        let flags = parse(&[
            "--guest-cid=4",
            "--socket=/s",
            "--uds-path=/u",
            "--groups=a",
        ]);
        let vm = parse(&["--vm", "guest-cid=4,socket=/s,uds-path=/u,groups=a"]);

        assert_eq!(flags.described(), vm.described());
    }

    #[test]
    fn flags_of_one_guest_do_not_go_with_a_vm() {
        let args = ["vhost-device-vsock", "--guest-cid=4", "--vm", "uds-path=/u"];

        assert_eq!(Options::try_parse_from(args).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn sockets_come_in_the_order_of_the_guests() {
        let options = parse(&[
            "--vm",
            "guest-cid=4,socket=/4,uds-path=/u4",
            "--vm",
            "guest-cid=3,socket=/3,uds-path=/u3",
        ]);

        options.check().unwrap();

        let sockets = format!("{:?}", options.sockets().source);
        assert!(sockets.contains(r#"["/4", "/3"]"#), "{sockets}");
    }

    #[test]
    fn a_guest_without_a_socket_among_others_is_refused() {
        let message = refusal(&[
            "--vm",
            "uds-path=/u,socket=/s",
            "--vm",
            "guest-cid=9,uds-path=/v",
        ]);

        assert!(
            message.starts_with("the guest with CID 9 has no socket"),
            "{message}"
        );
    }

    #[test]
    fn a_guest_without_a_way_to_the_host_is_refused() {
        assert!(refusal(&["--socket=/s"]).contains("--uds-path"));
    }

    #[test]
    fn a_missing_file_is_named_with_the_mend() {
        let message = refusal(&["--config", "/no/such/file"]);

        assert!(message.contains("--config /no/such/file"), "{message}");
        assert!(message.contains("give a YAML file"), "{message}");
    }
}
