// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Gives virtual machines consoles and serial ports over vhost-user.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    vhost_user_daemon::main::<vhost_device_console::Options>()
}
