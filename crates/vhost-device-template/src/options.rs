// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! The command line of `vhost-device-template`.

use clap::Parser;
use vhost_user_daemon::{DeviceError, PlainDaemonOptions, Program, SocketOptions};

use crate::Template;

/// Every guest can make its device hold that much.
const MAX_MAX_LEN: i64 = 1 << 20;

// The comments below are what `--help` and the manual page say: the first paragraph is for `-h`,
// the rest for `--help`.

/// Serves the template device, which answers each request with its own bytes, over vhost-user
#[derive(Debug, Parser)]
#[command(version)]
pub struct Options {
    /// The most bytes of data that one request may have
    ///
    /// The driver finds it in the configuration space. Longer requests are answered with an error.
    #[arg(long, value_name = "BYTES", default_value_t = 4096,
        value_parser = clap::value_parser!(u32).range(1..=MAX_MAX_LEN))]
    pub max_len: u32,

    // The flags that all daemons have. `DaemonOptions` in its place adds `--socket-count`, for one
    // process that serves several guests.
    #[allow(missing_docs)]
    #[command(flatten)]
    pub daemon: PlainDaemonOptions,
}

impl Program for Options {
    type Device = Template;

    const KIND: &'static str = "template";

    fn socket_options(&self) -> &dyn SocketOptions {
        &self.daemon
    }

    // The place to open files and devices of the host. `DeviceError::new` takes what the operator
    // should read: the flag, its value, what is wrong with it, and the mend.
    fn devices(&self, guests: usize) -> Result<Vec<Template>, DeviceError> {
        Ok((0..guests).map(|_| Template::new(self.max_len)).collect())
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
    fn a_limit_of_zero_or_of_more_than_a_mebibyte_is_refused() {
        for limit in ["0", "1048577", "-1", "4k"] {
            let options = Options::try_parse_from(["vhost-device-template", "--max-len", limit]);

            assert_eq!(options.unwrap_err().exit_code(), 2, "{limit}");
        }
    }
}
