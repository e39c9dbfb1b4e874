#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# Runs in the Xen lab's dom0: a guest that the toolstack makes reads entropy through the frontend.

mkdir -p /dev/pts /run/xen /run/lock /run/xenstored /var/lock /var/lib/xen /var/lib/xenstored /var/log/xen
ln -s /run /var/run
mount -t devpts pts /dev/pts
mount -t xenfs xenfs /proc/xen
mkdir -p /etc/xen
echo 'autoballoon="off"' > /etc/xen/xl.conf
cat > /guest.cfg <<END
name="lab"
type="pvh"
kernel="/guest"
memory=16
vcpus=1
on_poweroff="destroy"
on_crash="destroy"
END
echo LAB-PLAN 6
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

spoke() {
    xl dmesg -c >> /tmp/console
    grep -q "(d$domain) GUEST [oF]" /tmp/console
}

ended() { grep -q "domain $domain: served no more" /tmp/frontend.log; }

served() { grep -q "domain $domain: serving 1 devices" /tmp/frontend.log; }

# Makes a guest with a device.
make() {
    xl create -p /guest.cfg > /tmp/xl.log 2>&1 || { tail -n 3 /tmp/xl.log; return 1; }
    domain=$(xl domid lab)
    nodes=/local/domain/0/backend/virtio/$domain
    xenstore-write $nodes/0/base 0xfe000000 $nodes/0/irq 0 $nodes/0/type virtio,device4
}

# Whether the server of a guest that is destroyed before it ever ran ends with it.
gone() {
    make || return 1
    wait_for served || { echo "it is not served"; return 1; }
    xl destroy lab || return 1
    xenstore-rm $nodes
    wait_for ended || { echo "its frontend does not end"; return 1; }
    echo "served, destroyed, served no more"
}

# What the guest says, and whether its server ends with it.
guest() {
    make || return 1
    xl unpause lab
    wait_for spoke || { echo "the guest says nothing"; return 1; }
    grep "(d$domain) GUEST [oF]" /tmp/console | sed 's/.*GUEST/GUEST/' | tr -d '\r'
    grep -q "(d$domain) GUEST ok $1 " /tmp/console || return 1
    xl destroy lab > /dev/null 2>&1 # it has most likely ended by itself
    xenstore-rm $nodes
    wait_for ended || { echo "its frontend does not end"; return 1; }
}

# The case, and what it runs.
try() {
    start=$(now)
    verdict=FAILED
    case=$1
    shift
    "$@" > /tmp/said 2>&1 && verdict=ok
    ran=$((ran + 1))
    echo
    echo "LAB $case rng $verdict $(($(now) - start)) $(tr '\n' ' ' < /tmp/said)"
    [ $verdict = ok ] || cat /tmp/frontend.log /tmp/daemon.log
}

for mapping in foreign grant; do
    vhost-device-rng --socket-path /run/rng.sock > /tmp/daemon.log 2>&1 &
    daemon=$!
    xen-vhost-frontend --backend 4=/run/rng.sock0 --mapping $mapping > /tmp/frontend.log 2>&1 &
    frontend=$!
    try guest-$mapping guest $mapping
    try gone-$mapping gone
    try next-$mapping guest $mapping
    kill $frontend $daemon
    wait $frontend $daemon
done
echo "LAB-DONE $ran"
