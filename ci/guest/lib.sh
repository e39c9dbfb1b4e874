# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# What the guests' scripts have in common. They are read by busybox's sh.
#
#   driver ID          tells the host which driver the virtio device ID is bound to; $device is it
#   did TEXT           what was exercised, for the table
#   ask WORD...        a question to the host; fails if the answer is no; $answer is it
#   fail TEXT          the end
#
# LENGTH and the like, where they are set, are smaller sizes for slow machines and short visits.
set -eu

fail() {
    echo "failed: $*"
    exit 1
}

did() {
    echo "GUEST: did $*"
}

driver() {
    device=
    for candidate in /sys/bus/virtio/devices/*; do
        if [ "$(($(cat "$candidate/device")))" = "$1" ]; then
            device=$candidate
            break
        fi
    done
    [ -n "$device" ] || fail "there is no virtio device $1"
    [ -e "$device/driver" ] || fail "no driver is bound to $device"
    echo "GUEST: driver $(basename "$(readlink "$device/driver")")"
}

ask() {
    echo "GUEST: ask $*"
    read -r verdict answer || fail "no answer to: $*"
    [ "$verdict" = ok ] || fail "$*: $verdict $answer"
}

# until_true SECONDS COMMAND...: waits for something that takes its time.
until_true() {
    tries=$(($1 * 20))
    shift
    until "$@"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "in vain waited for: $*"
        usleep 50000
    done
}
