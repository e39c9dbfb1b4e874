#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# Runs in the Xen lab's dom0: guests that the toolstack makes use devices through the frontend.

mkdir -p /dev/pts /run/xen /run/lock /run/xenstored /var/lock /var/lib/xen /var/lib/xenstored /var/log/xen
ln -s /run /var/run
mount -t devpts pts /dev/pts
mount -t xenfs xenfs /proc/xen
mkdir -p /etc/xen
echo 'autoballoon="off"' > /etc/xen/xl.conf
cat > /guest.cfg <<END
type="pvh"
kernel="/guest"
memory=16
vcpus=1
on_poweroff="destroy"
on_crash="destroy"
END
echo LAB-PLAN 19
xenstored --pid-file /run/xenstored.pid
xenconsoled --pid-file=/run/xenconsoled.pid
xen-init-dom0
ran=0

now() { awk '{ print int($1 * 1000) }' /proc/uptime; }

# Tries until it succeeds, for half a minute.
wait_for() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt 120 ] || return 1
        sleep 0.25
    done
}

# Whether the guest said that, since it was last forgotten.
says() {
    xl dmesg -c >> /tmp/console
    grep -q "(d$domain) GUEST $1" /tmp/console
}

forget() {
    xl dmesg -c > /dev/null
    : > /tmp/console
}

logged() { grep -q "domain $domain: .*$1" /tmp/frontend.log; }

# A guest whose devices come one after the other may be served several times.
last() { grep "domain $domain: serv" /tmp/frontend.log | tail -n 1; }

served() { last | grep -q "serving $count devices"; }

ended() { last | grep -q "served no more"; }

entropy() {
    vhost-device-rng --socket-path /run/rng$1.sock >> /tmp/daemon.log 2>&1 &
    eval "rng$1=$!"
}

console() {
    vhost-device-console --socket-path /run/console.sock -b network -p 4000 "$@" >> /tmp/daemon.log 2>&1 &
    console=$!
}

# Sends back what a guest's console says.
echoes() {
    while sleep 0.25; do nc 127.0.0.1 4000 -e cat; done > /dev/null 2>&1 &
    echoes=$!
}

# Open files of the frontend and of the daemon that all guests use.
held() { ls /proc/$frontend/fd /proc/$rng0/fd | wc -l; }

# Whether nobody has anything of a guest that is gone. The hypervisor lists it while pages are mapped.
clean() {
    [ "$(xl list | wc -l)" = 2 ] && [ "$(held)" -le $before ] && ! grep -q /dev/xen /proc/$rng0/maps
}

# Makes a guest with these words on its command line, and a device of each type.
make() {
    xl create -p /guest.cfg "name=\"$name\"" "cmdline=\"$1\"" > /tmp/xl.log 2>&1 || { tail -n 3 /tmp/xl.log; return 1; }
    words=$1
    shift
    count=$#
    domain=$(xl domid $name)
    nodes=/local/domain/0/backend/virtio/$domain
    written=
    index=0
    for type; do
        node=$nodes/$((first + index))
        base=$(printf 0x%x $((0xfe000000 + 512 * index)))
        irq=0
        case $words in *sleeps*) irq=$((64 + index));; esac
        written="$written $node/base $base $node/irq $irq $node/type virtio,device$type"
        index=$((index + 1))
    done
    xenstore-write $written
}

# Makes one that goes on until it is destroyed, and waits until it does.
busy() {
    make "$@" || return 1
    xl unpause $name
    wait_for says reads || { echo "the guest reads nothing"; return 1; }
}

# Destroys it, and looks whether all ends with it, before anybody removes its nodes.
destroyed() {
    xl destroy $name > /dev/null 2>&1 # it may have ended by itself
    wait_for ended || { echo "its frontend does not end"; return 1; }
    xenstore-rm $nodes
    wait_for clean || { echo "something of it stays: $(xl list | wc -l) $(held) of $before"; return 1; }
}

# Whether the server of a guest that is destroyed before it ever ran ends with it.
gone() {
    make "" 4 || return 1
    wait_for served || { echo "it is not served"; return 1; }
    destroyed || return 1
    echo "served, destroyed, served no more"
}

# What the guest says, and whether its server ends with it.
guest() {
    expected=$1
    shift
    make "$@" || return 1
    xl unpause $name
    wait_for says "[oF]" || { echo "the guest says nothing"; return 1; }
    grep "(d$domain) GUEST [oF]" /tmp/console | sed 's/.*GUEST/GUEST/' | tr -d '\r'
    grep -q "(d$domain) GUEST ok $expected " /tmp/console || return 1
    destroyed
}

# A guest that is destroyed while it reads.
cut_off() {
    busy endless 4 || return 1
    destroyed || return 1
    echo "destroyed while it read, nothing of it stays"
}

# Two guests with a daemon each; one goes and the other stays.
both() {
    name=other
    first=1
    busy "sleeps endless" 4 || return 1
    other=$domain
    name=lab
    first=0
    busy "sleeps endless" 4 || return 1
    forget
    wait_for says reads && domain=$other && wait_for says reads || { echo "one of two reads nothing"; return 1; }
    domain=$(xl domid lab)
    xl destroy lab
    wait_for ended || { echo "the frontend of the first does not end"; return 1; }
    xenstore-rm $nodes
    domain=$other
    nodes=/local/domain/0/backend/virtio/$domain
    name=other
    forget
    wait_for says reads || { echo "the other reads no more"; return 1; }
    destroyed || return 1
    echo "both read at once, and one after the other was destroyed"
}

# The frontend ends and comes back while a guest reads.
frontend_restart() {
    busy endless 4 || return 1
    kill $frontend
    wait $frontend
    frontend
    wait_for served || { echo "the new frontend does not find the guest"; return 1; }
    wait_for says resets || { echo "the guest does not reset the device"; return 1; }
    forget
    wait_for says reads || { echo "the guest reads no more"; return 1; }
    destroyed || return 1
    echo "the guest resets the device, and goes on with another frontend"
}

# The daemon is killed while a guest reads; another one goes on where it was.
restart() {
    busy "sleeps endless" 4 || return 1
    kill -9 $rng0
    wait $rng0 2> /dev/null
    wait_for logged lost || { echo "the frontend does not see it"; return 1; }
    entropy 0
    wait_for logged "its backend is back" || { echo "the frontend does not find it"; return 1; }
    forget
    wait_for says reads || { echo "the guest reads no more"; return 1; }
    ! says resets || { echo "the guest had to reset the device"; return 1; }
    destroyed || return 1
    echo "another daemon goes on where the killed one was"
}

# The daemon that comes instead of the killed one has fewer queues: the driver must begin anew.
reset() {
    busy "devices=2 sleeps endless" 4 3 || return 1
    kill -9 $console
    wait $console 2> /dev/null
    wait_for logged lost || { echo "the frontend does not see it"; return 1; }
    console --no-multiport
    wait_for says resets || { echo "the guest is not told to reset"; return 1; }
    forget
    wait_for says reads || { echo "the guest reads no more"; return 1; }
    destroyed || return 1
    echo "another console has fewer queues: reset, and goes on"
}

# The case, and what it runs. There is one guest, whose devices count from 0, unless the case says otherwise.
try() {
    start=$(now)
    verdict=FAILED
    case=$1
    shift
    name=lab
    first=0
    "$@" > /tmp/said 2>&1 && verdict=ok
    ran=$((ran + 1))
    echo
    echo "LAB $case rng $verdict $(($(now) - start)) $(tr '\n' ' ' < /tmp/said)"
    [ $verdict = ok ] && return
    cat /tmp/frontend.log /tmp/daemon.log /tmp/console
    xl destroy lab
    xl destroy other
    xenstore-rm $nodes
}

# Starts it, for $mapping.
frontend() {
    xen-vhost-frontend --backend '4=/run/rng{device}.sock0' --backend 3=/run/console.sock0 \
        --mapping $mapping >> /tmp/frontend.log 2>&1 &
    frontend=$!
}

try libraries timeout 60 xen-lab-frontend --libraries
echoes
for mapping in foreign grant; do
    : > /tmp/daemon.log
    : > /tmp/frontend.log
    entropy 0
    entropy 1
    console
    frontend
    before=64
    try guest-$mapping guest $mapping "" 4
    try gone-$mapping gone
    sleep 1
    before=$(held)
    try cut-$mapping cut_off
    try restart-$mapping restart
    try devices-$mapping guest $mapping devices=3 4 4 3
    try sleeps-$mapping guest "$mapping sleeps" "devices=2 sleeps" 4 3
    # What these are about has nothing to do with the mapping.
    case $mapping in
        foreign) try both both ;;
        grant) try frontend frontend_restart ;;
    esac
    try reset-$mapping reset
    try next-$mapping guest $mapping "" 4
    kill $frontend $rng0 $rng1 $console
    wait $frontend $rng0 $rng1 $console
done
kill $echoes
echo "LAB-DONE $ran"
