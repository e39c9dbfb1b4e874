// SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause

//! What `xen-ioctl` and `xen-store` promise, on a real Xen: their own tests have none.

use std::fs;
use std::time::Duration;

use xen_ioctl::{Access, EvtChn, GntAlloc, GntDev, Notify, PrivCmd};
use xen_store::{Allowed, Permission, Store};

use crate::Result;
use crate::devices::TIMEOUT;
use crate::domain::{self, Domain};

const PAGE: usize = virtio_guest::PAGE as usize;
const DOM0: u16 = 0;
/// Behind everything that a kernel ever granted.
const NEVER: u32 = 0x00f0_0000;

type Part = (&'static str, fn() -> Result<()>);

pub(crate) fn run() -> Result<String> {
    let parts: [Part; 7] = [
        ("grants", grants),
        ("errors of grants", bad_grants),
        ("the end of a mapping", notification),
        ("event channels", event_channels),
        ("foreign pages", foreign_pages),
        ("nodes", nodes),
        ("watches and transactions", watches_and_transactions),
    ];
    for (name, part) in parts {
        part().map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(parts.map(|(name, _)| name).join(", "))
}

fn expect(what: &str, holds: bool) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(format!("this does not hold: {what}").into())
}

/// Whether this process has pages of a device.
fn maps(device: &str) -> Result<bool> {
    Ok(fs::read_to_string("/proc/self/maps")?.contains(device))
}

/// Pages are in the order of their references on both sides, and are unmapped in the end.
fn grants() -> Result<()> {
    const PAGES: u8 = 9;
    let granted = GntAlloc::open()?.allocate(DOM0, PAGES.into(), Access::ReadWrite)?;
    for page in 0..PAGES {
        granted.memory().write(usize::from(page) * PAGE, &[page])?;
    }
    let mapped = GntDev::open()?.map(DOM0, granted.refs(), Access::ReadWrite)?;
    for page in 0..PAGES {
        let mut byte = [0];
        mapped.read(usize::from(page) * PAGE, &mut byte)?;
        expect("pages are in the order of references", byte == [page])?;
    }
    mapped.write(PAGE + 1, b"back")?;
    let mut bytes = [0; 4];
    granted.memory().read(PAGE + 1, &mut bytes)?;
    expect("what is written there is here", bytes == *b"back")?;
    expect("they ascend", granted.refs().is_sorted())?;
    drop(mapped);
    expect("nothing stays mapped", !maps("/dev/xen/gntdev")?)?;
    drop(granted);
    expect("nothing stays granted", !maps("/dev/xen/gntalloc")?)
}

fn bad_grants() -> Result<()> {
    let gntdev = GntDev::open()?;
    let granted = GntAlloc::open()?.allocate(DOM0, 1, Access::Read)?;
    let never = gntdev.map(DOM0, &[NEVER], Access::Read);
    let error = never.err().ok_or("a grant that nobody made is mapped")?;
    expect(
        "the error has the kernel's number, and names the grant",
        error.errno().is_some() && error.to_string().contains(&NEVER.to_string()),
    )?;
    let writable = gntdev.map(DOM0, granted.refs(), Access::ReadWrite);
    expect(
        "a grant for reading is not mapped for writing",
        writable.is_err(),
    )?;
    gntdev.map(DOM0, granted.refs(), Access::Read)?;
    expect("nothing stays mapped", !maps("/dev/xen/gntdev")?)
}

/// A byte is cleared and an event comes when the other side unmaps.
fn notification() -> Result<()> {
    let (channels, offered, bound) = connected()?;
    let granted = GntAlloc::open()?.allocate(DOM0, 1, Access::ReadWrite)?;
    granted.memory().write(0, &[0xff; 8])?;
    let notify = Notify {
        clear_byte: Some(3),
        event: Some(bound),
    };
    let mapped = GntDev::open()?.map_notifying(DOM0, granted.refs(), Access::ReadWrite, notify)?;
    drop(mapped);
    let mut bytes = [0; 8];
    granted.memory().read(0, &mut bytes)?;
    expect(
        "that byte and no other is cleared",
        bytes == [255, 255, 255, 0, 255, 255, 255, 255],
    )?;
    expect("the event came", channels.pending()? == [offered])
}

/// Two ends of one channel: the offered one gets the events of the bound one.
fn connected() -> Result<(EvtChn, u32, u32)> {
    let channels = EvtChn::open()?;
    let offered = channels.bind_unbound(DOM0)?;
    let bound = channels.bind_interdomain(DOM0, offered)?;
    // The hypervisor gives the new end one, lest it missed any.
    expect("a binding is an event", channels.pending()? == [bound])?;
    channels.unmask(bound)?;
    Ok((channels, offered, bound))
}

fn event_channels() -> Result<()> {
    let (channels, offered, bound) = connected()?;
    for _ in 0..2 {
        channels.notify(bound)?;
        expect("an event comes", channels.pending()? == [offered])?;
        channels.unmask(offered)?;
    }
    channels.unbind(bound)?;
    expect(
        "a channel that was given back has no events",
        channels.notify(bound).is_err(),
    )
}

/// Another domain's pages, and one that it does not have.
fn foreign_pages() -> Result<()> {
    let other = Domain::create()?;
    let privcmd = PrivCmd::open()?;
    let behind = other.frame + domain::PAGES as u64;
    let map = |frames: &[u64]| privcmd.map_foreign(other.id, frames, Access::ReadWrite);
    let first = map(&[other.frame, other.frame + 1])?.whole()?;
    first.write(PAGE, b"theirs")?;
    let again = map(&[other.frame + 1, behind, other.frame])?;
    let failed: Vec<_> = again.failures().map(|(page, _)| page).collect();
    expect("the page that is not there is named", failed == [1])?;
    let mut bytes = [0; 6];
    again.memory().read(0, &mut bytes)?;
    expect("the pages are the same", bytes == *b"theirs")?;
    expect("it is not whole", again.whole().is_err())?;
    drop(first);
    expect("nothing stays mapped", !maps("/dev/xen/privcmd")?)
}

/// Where the nodes are that this makes.
const NODES: &str = "/vhost-lab";

fn nodes() -> Result<()> {
    /// More than one message has room for.
    const MANY: usize = 400;
    let mut store = Store::open()?;
    let missing = store.read(NODES);
    expect(
        "a node that is not there is told apart",
        missing.is_err_and(|error| error.is_not_found()),
    )?;
    let path = format!("{NODES}/one");
    store.write(&path, "value")?;
    // The kernel's way to the same store.
    let mut kernel = Store::open_device("/dev/xen/xenbus".as_ref())?;
    expect(
        "both ways read the same",
        kernel.read_text(&path)? == "value" && store.read_text(&path)? == "value",
    )?;
    let allowed = [(DOM0, Allowed::None), (7, Allowed::Read)];
    let allowed = allowed.map(|(domain, allowed)| Permission { domain, allowed });
    store.set_permissions(&path, &allowed)?;
    expect("permissions", kernel.permissions(&path)? == allowed)?;
    expect(
        "the path of a domain",
        store.domain_path(3)? == "/local/domain/3",
    )?;
    let folder = format!("{NODES}/many");
    store.mkdir(&folder)?;
    expect("a new node is empty", store.directory(&folder)?.is_empty())?;
    let mut names: Vec<_> = (0..MANY)
        .map(|n| format!("a-name-of-length-22-{n:03}"))
        .collect();
    for name in &names {
        store.mkdir(&format!("{folder}/{name}"))?;
    }
    let mut found = kernel.directory(&folder)?;
    found.sort_unstable();
    names.sort_unstable();
    expect("a directory of several messages is whole", found == names)?;
    store.remove(NODES)?;
    expect("all is removed", kernel.read(&path).is_err())
}

fn watches_and_transactions() -> Result<()> {
    let path = format!("{NODES}/counter");
    let (mut store, mut other) = (Store::open()?, Store::open()?);
    store.write(&path, "1")?;
    store.watch(NODES, "here")?;
    let first = store.event(TIMEOUT)?.ok_or("no event at once")?;
    expect(
        "the first event is of the watch itself",
        first.path == NODES,
    )?;
    let mut tries = 0;
    store.transaction(|step| {
        tries += 1;
        let now = step.read(&path)?;
        if tries == 1 {
            // In between: the step has to be taken again.
            other.write(&path, "5")?;
        }
        step.write(&path, [now.as_slice(), b"+"].concat())
    })?;
    expect("a step that was disturbed is taken again", tries == 2)?;
    expect("it sees what disturbed it", other.read_text(&path)? == "5+")?;
    let event = store.event(TIMEOUT)?.ok_or("no event of a change")?;
    expect(
        "an event names node and token",
        event.path == path && event.token == "here",
    )?;
    let failed = store.transaction(|step| {
        step.write(&path, "undone")?;
        step.read("/no/such/node")
    });
    expect(
        "a step that fails is undone",
        failed.is_err_and(|error| error.is_not_found()) && other.read_text(&path)? == "5+",
    )?;
    store.unwatch(NODES, "here")?;
    other.write(&path, "6")?;
    expect(
        "no event comes after the end of a watch",
        store.event(Duration::from_millis(200))?.is_none(),
    )?;
    Ok(other.remove(NODES)?)
}
