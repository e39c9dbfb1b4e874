#!/bin/busybox sh
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# The first process of every guest: runs the script that the kernel's command line names
# (guest.run=NAME), tells the host its status, and switches the machine off.
/bin/busybox mkdir -p /bin /sbin /proc /sys /dev /tmp /run
/bin/busybox --install -s /bin
export PATH=/bin HOME=/tmp TERM=linux
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev 2>/dev/null
mkdir -p /dev/pts
mount -t devpts none /dev/pts 2>/dev/null
mount -t tmpfs none /tmp
ip link set lo up 2>/dev/null

# Modules, where the kernel has some, in the order of their names.
for module in /modules/*.ko*; do
    [ -e "$module" ] && insmod "$module"
done

for word in $(cat /proc/cmdline); do
    case $word in guest.run=*) run=${word#guest.run=} ;; esac
done
# Whether what a script mounted is still in use.
busy() {
    grep -q ' /mnt ' /proc/mounts && ! umount /mnt
}
if [ "$run" = shell ]; then
    echo "The device is attached. Scripts: /guest. The end: exit"
    setsid cttyhack sh
    busy
    sync
else
    # What is typed is for scripts to read, not to be shown.
    stty -echo < /dev/console 2>/dev/null
    sh "/guest/$run.sh" < /dev/console > /dev/console 2>&1
    status=$?
    if busy; then
        echo "failed: /mnt is still in use"
        [ "$status" != 0 ] || status=1
    fi
    sync
    echo "GUEST: exit $status"
fi
poweroff -f
