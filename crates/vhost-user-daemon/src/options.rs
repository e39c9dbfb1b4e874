// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The command line that all daemons share.
//!
//! A device's own options flatten one of two structures, according to what the users of its
//! binary know:
//!
//! | structure | flags | guest N listens on |
//! |---|---|---|
//! | [`DaemonOptions`] | `-s PATH`, `-c N` | `PATHn`: the index is appended even to a single socket |
//! | [`PlainDaemonOptions`] | `-s PATH` | `PATH`: there is one guest |
//!
//! A device with flags of its own for its sockets flattens [`CommonOptions`] and implements
//! [`SocketOptions`] itself; [`indexed`] makes the numbered paths.
//!
//! No flag is required: whether there is a socket at all is known only once the environment was
//! asked for activated ones, and `--print-capabilities` must work alone.

use std::error::Error;
use std::ffi::{CString, OsString};
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use guest_memory::NEEDS_XEN_MMAP;
use log::LevelFilter;

/// More guests than that in one process are a typing error: each has threads of its own.
const MAX_SOCKETS: i64 = 1024;

/// A second of busy waiting buys nothing that a tenth of it would not; what is meant is
/// milliseconds given as microseconds.
const MAX_POLL_US: i64 = 1_000_000;

/// 4 GiB of one guest. The kernel's own limit of grants for a process is lower by default.
const MAX_GRANT_CACHE: u32 = 1 << 20;

const HEADING: &str = "Daemon options";

/// Options of a device that serves one or several guests, with a numbered socket each.
#[derive(Args, Clone, Debug, Default)]
pub struct DaemonOptions {
    /// Path of the sockets to listen on; the guest's number is appended to it
    ///
    /// Guest 0 listens on PATH0, guest 1 on PATH1 and so on. The number is appended even when
    /// there is only one guest: `-s /run/vm.sock` listens on /run/vm.sock0. A socket that nobody
    /// listens on any more is replaced; any other file is left alone, and is an error.
    #[arg(short, long, value_name = "PATH", conflicts_with_all = ["socket_fd", "fd"])]
    pub socket_path: Option<PathBuf>,

    /// Number of guests to serve, each on a socket of its own [default: 1]
    ///
    /// Guests share nothing but the process. With --fd or --socket-fd there is one guest; with
    /// systemd socket activation there are as many as sockets, and N, if given, must agree.
    #[arg(short = 'c', long, value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=MAX_SOCKETS))]
    pub socket_count: Option<u32>,

    #[allow(missing_docs)]
    #[command(flatten)]
    pub common: CommonOptions,
}

/// Options of a device that serves one guest, on a socket of exactly the name given.
#[derive(Args, Clone, Debug, Default)]
pub struct PlainDaemonOptions {
    /// Path of the socket to listen on, used as it is
    ///
    /// Nothing is appended to it. A socket that nobody listens on any more is replaced; any other
    /// file is left alone, and is an error.
    #[arg(short, long, value_name = "PATH", visible_alias = "socket",
        conflicts_with_all = ["socket_fd", "fd"])]
    pub socket_path: Option<PathBuf>,

    #[allow(missing_docs)]
    #[command(flatten)]
    pub common: CommonOptions,
}

/// Options of every daemon, whatever its sockets are called.
#[derive(Args, Clone, Debug, Default)]
pub struct CommonOptions {
    /// Serve an inherited socket that is already listening
    ///
    /// FD is the number of a Unix stream socket on which listen() was called. One guest at a time
    /// is served on it, for ever. Without any socket flag, the sockets of systemd socket
    /// activation (LISTEN_FDS) are used.
    #[arg(long, value_name = "FD", help_heading = HEADING, conflicts_with = "fd",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(RawFd).range(0..))]
    pub socket_fd: Option<RawFd>,

    /// Serve an inherited socket that is already connected to the frontend, then exit
    ///
    /// FD is the number of a connected Unix stream socket, as QEMU's convention for vhost-user
    /// backend programs has it.
    #[arg(long, value_name = "FD", help_heading = HEADING, allow_negative_numbers = true,
        value_parser = clap::value_parser!(RawFd).range(0..))]
    pub fd: Option<RawFd>,

    /// Permissions of the sockets, in octal, for example 0660 [default: what the umask leaves]
    ///
    /// They are in place before the first frontend can connect.
    #[arg(long, value_name = "OCTAL", help_heading = HEADING,
        conflicts_with_all = ["socket_fd", "fd"], value_parser = parse_mode)]
    pub socket_mode: Option<u32>,

    /// Group that owns the sockets, by name or number [default: the daemon's own]
    ///
    /// Use it with --socket-mode 0660 to let a hypervisor connect that runs as another user.
    #[arg(long, value_name = "NAME|GID", help_heading = HEADING,
        conflicts_with_all = ["socket_fd", "fd"], value_parser = parse_group)]
    pub socket_group: Option<u32>,

    /// Print the device's type and features as JSON, and exit
    ///
    /// This is what management layers ask before they start a daemon. All other flags are ignored.
    #[arg(long, help_heading = HEADING)]
    pub print_capabilities: bool,

    /// Log messages of this level and above, to standard error [default: info]
    ///
    /// Takes precedence over the environment variable RUST_LOG, which can also select single
    /// modules. `info` has a line for each frontend that comes or goes; nothing that a guest does
    /// is logged at that level.
    #[arg(long, value_name = "LEVEL", help_heading = HEADING, ignore_case = true,
        value_parser = PossibleValuesParser::new(["off", "error", "warn", "info", "debug", "trace"])
            .try_map(|level| level.parse::<LevelFilter>()))]
    pub log_level: Option<LevelFilter>,

    /// Busy-wait up to this many microseconds for the next request before sleeping
    ///
    /// Shortens the round trip of a guest that waits for each answer, and costs up to one CPU for
    /// each busy queue thread. 0 turns it off.
    #[arg(long, value_name = "N", help_heading = HEADING, default_value_t = 0,
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(0..=MAX_POLL_US))]
    pub poll_us: u32,

    /// Keep up to this many granted pages of each guest mapped after an access (Xen)
    ///
    /// Where a frontend announces grants that are mapped at each access, every request costs four
    /// system calls for each of its buffers. A page that is kept costs none, but its guest cannot
    /// end the grant until the page is needed for another, its region goes, or a queue stops. 0
    /// turns it off.
    #[arg(long, value_name = "PAGES", help_heading = HEADING, default_value_t = 0,
        allow_negative_numbers = true, hide = !NEEDS_XEN_MMAP,
        value_parser = parse_grant_cache)]
    pub xen_grant_cache: u32,
}

/// What to serve, and on which sockets: the meaning of the flags of one binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sockets {
    /// Where the sockets come from.
    pub source: Source,
    /// Who may connect to those that are created.
    pub access: Access,
}

/// Where the sockets come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// To be created, one for each guest.
    Paths {
        /// The complete paths, in the order of the guests.
        paths: Vec<PathBuf>,
        /// The flag that named them, for messages.
        flag: &'static str,
    },
    /// `--socket-fd`: inherited, listening.
    ListeningFd(RawFd),
    /// `--fd`: inherited, connected.
    ConnectedFd(RawFd),
    /// Passed by systemd, one for each guest.
    Activated {
        /// The number of guests, when the operator gave one.
        count: Option<u32>,
    },
    /// `--socket-count` above one together with a flag that names a single socket.
    Contradiction {
        /// The flag that names one socket.
        flag: &'static str,
        /// The value of `--socket-count`.
        count: u32,
    },
}

/// Who may connect to a socket that the daemon creates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The permission bits; what the umask leaves otherwise.
    pub mode: Option<u32>,
    /// The owning group; the process's otherwise.
    pub group: Option<u32>,
}

/// Implemented by the option structures that a device binary can flatten.
pub trait SocketOptions {
    /// The flags that do not depend on how the sockets are named.
    fn common(&self) -> &CommonOptions;

    /// The sockets that the flags ask for.
    fn sockets(&self) -> Sockets;
}

impl SocketOptions for DaemonOptions {
    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn sockets(&self) -> Sockets {
        let paths = self
            .socket_path
            .as_deref()
            .map(|path| indexed(path, self.socket_count.unwrap_or(1)));
        self.common
            .sockets(paths, "--socket-path", self.socket_count)
    }
}

impl SocketOptions for PlainDaemonOptions {
    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn sockets(&self) -> Sockets {
        let paths = self.socket_path.clone().map(|path| vec![path]);
        self.common.sockets(paths, "--socket-path", None)
    }
}

impl CommonOptions {
    /// How long a queue's thread looks for more work before it sleeps; `None` is not at all.
    pub fn poll(&self) -> Option<Duration> {
        (self.poll_us > 0).then(|| Duration::from_micros(self.poll_us.into()))
    }

    /// The sockets of a binary whose own flag, called `flag`, named `paths` (if it was given) and
    /// whose users asked for `count` guests (if they did).
    pub fn sockets(
        &self,
        paths: Option<Vec<PathBuf>>,
        flag: &'static str,
        count: Option<u32>,
    ) -> Sockets {
        let source = match (paths, self.socket_fd, self.fd) {
            (Some(paths), _, _) => Source::Paths { paths, flag },
            (None, Some(fd), _) => single(Source::ListeningFd(fd), "--socket-fd", count),
            (None, None, Some(fd)) => single(Source::ConnectedFd(fd), "--fd", count),
            (None, None, None) => Source::Activated { count },
        };
        Sockets {
            source,
            access: Access {
                mode: self.socket_mode,
                group: self.socket_group,
            },
        }
    }
}

fn single(source: Source, flag: &'static str, count: Option<u32>) -> Source {
    match count {
        Some(count) if count > 1 => Source::Contradiction { flag, count },
        _ => source,
    }
}

/// The paths of `count` guests: `path` with 0, 1, ... appended.
pub fn indexed(path: &Path, count: u32) -> Vec<PathBuf> {
    (0..count)
        .map(|index| {
            let mut path = OsString::from(path);
            path.push(index.to_string());
            PathBuf::from(path)
        })
        .collect()
}

fn parse_mode(value: &str) -> Result<u32, String> {
    let digits = value.strip_prefix("0o").unwrap_or(value);
    match u32::from_str_radix(digits, 8) {
        Ok(mode) if mode <= 0o777 && !digits.starts_with('+') => Ok(mode),
        _ => Err("give the permission bits in octal, 0 to 0777, for example 0660".into()),
    }
}

fn parse_grant_cache(value: &str) -> Result<u32, String> {
    match value.parse::<u32>() {
        Ok(0) => Ok(0),
        Ok(_) if !NEEDS_XEN_MMAP => Err(
            "this build serves plain shared memory, which has no grants; use the Xen build \
                 or leave the flag out"
                .into(),
        ),
        Ok(pages) if pages <= MAX_GRANT_CACHE => Ok(pages),
        _ => Err(format!("give a number of pages, 0 to {MAX_GRANT_CACHE}")),
    }
}

fn parse_group(value: &str) -> Result<u32, String> {
    // All ones is how chown() spells "leave it alone"; the kernel has no group of that number.
    match value.parse::<u32>() {
        Ok(u32::MAX) => return Err(format!("{value} is not a group id")),
        Ok(gid) => return Ok(gid),
        Err(_) => {}
    }
    match group_id(value) {
        Ok(Some(gid)) => Ok(gid),
        Ok(None) => Err("no such group on this host; create it or give a numeric id".into()),
        Err(cause) => Err(format!(
            "the group database cannot be read: {cause}; give a numeric id"
        )),
    }
}

/// Looks `name` up where the host keeps its groups, which need not be /etc/group.
fn group_id(name: &str) -> std::io::Result<Option<u32>> {
    /// Enough for any group; a larger answer means a broken directory service.
    const MAX_ANSWER: usize = 1 << 20;

    let name = CString::new(name)?;
    let mut answer = vec![0u8; 4096];
    loop {
        let mut group = std::mem::MaybeUninit::<libc::group>::zeroed();
        let mut found = std::ptr::null_mut();
        // SAFETY: all pointers are to live objects of ours, and the length given is that of
        // `answer`, which stays in place until the result was read.
        let status = unsafe {
            libc::getgrnam_r(
                name.as_ptr(),
                group.as_mut_ptr(),
                answer.as_mut_ptr().cast(),
                answer.len(),
                &mut found,
            )
        };
        match status {
            0 if found.is_null() => return Ok(None),
            // SAFETY: a non-null result says that the call filled `group` in.
            0 => return Ok(Some(unsafe { group.assume_init() }.gr_gid)),
            libc::ERANGE if answer.len() < MAX_ANSWER => answer.resize(answer.len() * 2, 0),
            libc::EINTR => {}
            // Some name services say "not found" by an error.
            libc::ENOENT | libc::ESRCH => return Ok(None),
            error => return Err(std::io::Error::from_raw_os_error(error)),
        }
    }
}

/// An error whose reader is whoever started the daemon.
pub trait OperatorError: Error {
    /// 2 where the command line is wrong, 1 where the host is.
    fn exit_status(&self) -> u8 {
        1
    }
}

/// Tells the operator why there is no daemon, in one line on standard error.
pub fn fail(error: &dyn OperatorError) -> ExitCode {
    let program = std::env::args_os().next().map(PathBuf::from);
    let program = program
        .as_deref()
        .and_then(Path::file_name)
        .map_or("vhost-device".into(), |name| name.to_string_lossy());
    // Nothing is left to be done about a closed standard error.
    let _ = writeln!(std::io::stderr(), "{program}: {}", chain(error));
    ExitCode::from(error.exit_status())
}

/// `error` and what caused it, in one line.
fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(line, ": {error}");
        cause = error.source();
    }
    line.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    /// A device with a counted socket.
    #[derive(Parser)]
    #[command(version)]
    struct Counted {
        #[command(flatten)]
        daemon: DaemonOptions,
    }

    /// A device with a plain socket.
    #[derive(Parser)]
    struct Plain {
        #[command(flatten)]
        daemon: PlainDaemonOptions,
        /// Some devices spend `-c` on something else.
        #[arg(short)]
        capset: Option<u32>,
    }

    fn counted(args: &[&str]) -> Result<DaemonOptions, clap::Error> {
        Counted::try_parse_from([&["vhost-device-x"], args].concat()).map(|cli| cli.daemon)
    }

    fn plain(args: &[&str]) -> Result<PlainDaemonOptions, clap::Error> {
        Plain::try_parse_from([&["vhost-device-x"], args].concat()).map(|cli| cli.daemon)
    }

    fn paths(sockets: Sockets) -> Vec<PathBuf> {
        match sockets.source {
            Source::Paths { paths, .. } => paths,
            other => panic!("not paths: {other:?}"),
        }
    }

    #[test]
    fn the_command_lines_are_consistent() {
        Counted::command().debug_assert();
        Plain::command().debug_assert();
    }

    #[test]
    fn every_flag_has_help() {
        for command in [Counted::command(), Plain::command()] {
            for arg in command.get_arguments() {
                assert!(arg.get_help().is_some(), "{}", arg.get_id());
            }
        }
    }

    #[test]
    fn the_devices_own_description_stays() {
        let about = Counted::command().get_about().map(ToString::to_string);

        assert_eq!(about.as_deref(), Some("A device with a counted socket"));
    }

    #[test]
    fn a_counted_path_gets_an_index_even_for_one_guest() {
        let options = counted(&["-s", "/tmp/rng.sock", "-c", "1"]).unwrap();

        assert_eq!(paths(options.sockets()), [Path::new("/tmp/rng.sock0")]);
    }

    #[test]
    fn a_counted_path_without_a_count_gets_an_index() {
        let options = counted(&["--socket-path=/tmp/rng.sock"]).unwrap();

        assert_eq!(paths(options.sockets()), [Path::new("/tmp/rng.sock0")]);
    }

    #[test]
    fn three_guests_get_three_paths_in_order() {
        let options = counted(&["-s", "rng.", "-c", "3"]).unwrap();

        assert_eq!(
            paths(options.sockets()),
            ["rng.0", "rng.1", "rng.2"].map(Path::new)
        );
    }

    #[test]
    fn a_plain_path_is_used_as_it_is() {
        let options = plain(&["-s", "/tmp/scsi.sock"]).unwrap();

        assert_eq!(paths(options.sockets()), [Path::new("/tmp/scsi.sock")]);
    }

    #[test]
    fn a_plain_device_knows_its_path_as_socket_too() {
        let options = plain(&["--socket", "/tmp/sound.sock"]).unwrap();

        assert_eq!(paths(options.sockets()), [Path::new("/tmp/sound.sock")]);
    }

    #[test]
    fn a_plain_device_can_spend_the_letter_c() {
        let cli = Plain::try_parse_from(["vhost-device-x", "-c", "7"]).unwrap();

        assert_eq!(cli.capset, Some(7));
    }

    #[test]
    fn no_flag_means_activation() {
        let options = counted(&[]).unwrap();

        assert_eq!(options.sockets().source, Source::Activated { count: None });
    }

    #[test]
    fn capabilities_need_no_socket() {
        assert!(
            counted(&["--print-capabilities"])
                .unwrap()
                .common
                .print_capabilities
        );
    }

    #[test]
    fn zero_guests_are_refused() {
        assert_eq!(counted(&["-c", "0"]).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn a_path_and_a_connected_socket_exclude_each_other() {
        let error = counted(&["-s", "x", "--fd", "3"]).unwrap_err();

        assert_eq!(error.kind(), clap::error::ErrorKind::ArgumentConflict);
    }

    #[test]
    fn a_listening_and_a_connected_socket_exclude_each_other() {
        let error = counted(&["--socket-fd", "4", "--fd", "3"]).unwrap_err();

        assert_eq!(error.kind(), clap::error::ErrorKind::ArgumentConflict);
    }

    #[test]
    fn a_mode_for_an_inherited_socket_is_refused() {
        let error = counted(&["--socket-fd", "4", "--socket-mode", "660"]).unwrap_err();

        assert_eq!(error.kind(), clap::error::ErrorKind::ArgumentConflict);
    }

    #[test]
    fn one_descriptor_for_two_guests_is_a_contradiction() {
        let options = counted(&["--socket-fd", "4", "-c", "2"]).unwrap();

        assert_eq!(
            options.sockets().source,
            Source::Contradiction {
                flag: "--socket-fd",
                count: 2
            }
        );
    }

    #[test]
    fn modes_are_octal_with_and_without_prefix() {
        for mode in ["660", "0660", "0o660"] {
            assert_eq!(parse_mode(mode), Ok(0o660), "{mode}");
        }
    }

    #[test]
    fn a_decimal_or_oversized_mode_is_refused() {
        for mode in ["680", "1777", "-1", "+660", "", "rw-rw----"] {
            assert!(parse_mode(mode).is_err(), "{mode}");
        }
    }

    #[test]
    fn groups_are_known_by_number_and_name() {
        assert_eq!(parse_group("107"), Ok(107));
        assert_eq!(parse_group("root"), Ok(0));
    }

    #[test]
    fn an_unknown_group_is_refused_with_the_mend() {
        let error = counted(&["--socket-group", "no-such-group-here"]).unwrap_err();

        assert!(error.to_string().contains("numeric id"), "{error}");
    }

    #[test]
    fn log_levels_are_read_in_any_case() {
        let options = counted(&["--log-level", "Debug"]).unwrap();

        assert_eq!(options.common.log_level, Some(LevelFilter::Debug));
    }

    #[test]
    fn an_unknown_log_level_is_answered_with_the_known_ones() {
        let error = counted(&["--log-level", "loud"]).unwrap_err();

        assert!(error.to_string().contains("trace"), "{error}");
    }

    #[test]
    fn only_a_xen_build_keeps_grants_and_not_without_bound() {
        assert_eq!(counted(&[]).unwrap().common.xen_grant_cache, 0);
        let kept = counted(&["--xen-grant-cache", "64"]);

        assert_eq!(kept.is_ok(), NEEDS_XEN_MMAP);
        assert!(counted(&["--xen-grant-cache", "0"]).is_ok());
        for pages in ["1048577", "-1", "many"] {
            assert!(counted(&["--xen-grant-cache", pages]).is_err(), "{pages}");
        }
    }

    #[test]
    fn busy_waiting_is_off_by_default_and_bounded() {
        assert_eq!(counted(&[]).unwrap().common.poll(), None);
        assert_eq!(
            counted(&["--poll-us", "50"]).unwrap().common.poll(),
            Some(Duration::from_micros(50))
        );
        assert!(counted(&["--poll-us", "1000001"]).is_err());
    }

    #[test]
    fn an_error_and_its_cause_are_one_line() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot read\n/etc/x")]
        struct Outer(#[source] std::io::Error);

        let line = chain(&Outer(std::io::Error::other("it is locked")));

        assert_eq!(line, "cannot read /etc/x: it is locked");
    }
}
