//! The process that ends a cluster when its users are gone, also when they were killed.

use crate::binaries::Account;
use anyhow::Context;
use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
};

const SCRIPT: &str = include_str!("watchdog.sh");
/// Longest life of a cluster, in seconds: longer than any run of tests.
const LIFE_MAX_S: u32 = 4 * 60 * 60;

/// Starts it. With a command it also runs the server. Returns its process id.
pub(crate) fn start(
    folder: &Path,
    idle_max_s: u32,
    account: Option<Account>,
    server: Option<&Command>,
) -> anyhow::Result<u32> {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", SCRIPT, "countersign-watchdog"])
        .arg(folder)
        .args([idle_max_s.to_string(), LIFE_MAX_S.to_string()]);
    if let Some(server) = server {
        command.arg(server.get_program()).args(server.get_args());
    }
    // In a group of its own, so that who ends the tests does not end it, and with none of their files open: whoever waits for
    // their output would wait for it.
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    run_as(&mut command, account);
    let child = command.spawn().context("/bin/sh does not start")?;
    Ok(child.id())
}

/// Lets a command run as another user.
pub(crate) fn run_as(command: &mut Command, account: Option<Account>) {
    if let Some(Account { uid, gid }) = account {
        command.uid(uid).gid(gid);
    }
}

/// Whether a process is there.
pub(crate) fn lives(pid: u32) -> bool {
    let sent = Command::new("kill")
        .args(["-0", &pid.to_string()])
        .stderr(Stdio::null())
        .status();
    sent.is_ok_and(|status| status.success())
}
