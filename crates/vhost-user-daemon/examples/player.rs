// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! Plays a daemon for the tests of what belongs to a whole process: signals, inherited
//! descriptors, the environment, the log. The first argument says which part.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use vhost_user_daemon::{
    DaemonOptions, Endpoint, Notifier, OperatorError, Shutdown, SocketOptions, listen, logging,
};

/// Longer than any test waits.
const LONG: Duration = Duration::from_secs(40);

/// What the lines for the test start with; others may come from the logger.
const MARK: &str = "child: ";

#[derive(Parser)]
enum Part {
    /// Opens what the arguments ask for and tells what came of it.
    Listen(DaemonOptions),
    /// Logs a line of each level.
    Log {
        #[arg(long)]
        level: Option<String>,
    },
    /// Tells the service manager that it is ready, and that it stops. Its children would not know
    /// of the service manager, or it fails.
    Notify,
    /// Waits for a signal, and ends at once or hangs.
    Signals {
        #[arg(long)]
        hang: bool,
    },
}

fn main() -> ExitCode {
    match Part::parse() {
        Part::Listen(options) => match listen::open(&options.sockets()) {
            Err(error) => eprintln!("{MARK}status {}: {error}", error.exit_status()),
            Ok(endpoints) => {
                for endpoint in endpoints {
                    let kind = match endpoint {
                        Endpoint::Listening { .. } => "listening",
                        Endpoint::Connected(_) => "connected",
                    };
                    eprintln!("{MARK}{kind}: {endpoint}");
                }
            }
        },
        Part::Log { level } => {
            logging::init(level.and_then(|level| level.parse().ok()));
            log::warn!("a warning");
            log::info!("an information");
            log::debug!("a detail");
        }
        Part::Notify => {
            let notifier = Notifier::from_env();
            notifier.ready("listening");
            notifier.stopping();
            if std::env::var_os("NOTIFY_SOCKET").is_some() {
                return ExitCode::from(3);
            }
        }
        Part::Signals { hang } => {
            let Ok(shutdown) = Shutdown::on_signals() else {
                return ExitCode::FAILURE;
            };
            println!("{MARK}ready");
            if !shutdown.wait(Some(LONG)) {
                return ExitCode::FAILURE;
            }
            println!("{MARK}requested");
            if hang {
                std::thread::sleep(LONG);
            }
            if !shutdown.is_triggered() {
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
